"""The settings that the paper prints, for comparison; lddm/busv.py is what we recommend.

"Iterations" are read as epochs, of 132 training videos (70 %).  What the paper leaves unsaid is as
in our recommendation: losses other than L1, the denoiser, the size of 128 pixels.
"""
stages = dict(autoencoder='busv_paper_autoencoder.py', diffusion='busv_paper_diffusion.py')
