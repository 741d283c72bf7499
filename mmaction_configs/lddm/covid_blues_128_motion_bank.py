"""What does a still give at 128 × 128 with the motion of any training clip of its label?"""
_base_ = ['./_base_/runtime.py', './_base_/autoencoder_128.py', './_base_/clips_covid_blues_128.py']

bank = dict(type='LatentDataset', clips=_base_.train_clips, autoencoder=_base_.autoencoder,
            draws=8)
generator = dict(type='MotionTransfer', autoencoder=_base_.autoencoder, size=128, num_frames=16,
                 frame_stride=3)
