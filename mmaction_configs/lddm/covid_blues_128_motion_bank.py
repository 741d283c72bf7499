"""What does a lung's still give with the motion of any training clip, at 128 × 128?"""
_base_ = ['./_base_/runtime.py', './_base_/autoencoder_128.py', './_base_/clips_covid_blues_128.py']

bank = dict(type='LatentDataset', clips=_base_.train_clips, autoencoder=_base_.autoencoder,
            draws=8)
generator = dict(type='MotionTransfer', autoencoder=_base_.autoencoder, size=128, num_frames=16,
                 frame_stride=3)
