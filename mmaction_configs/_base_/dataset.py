"""What every data set begins with."""
data = dict(
    # of training clips, generators' and recognizers'
    augment=[
        dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(0.9, 1.1)),
        dict(type='Flip', flip_ratio=0.5)])
