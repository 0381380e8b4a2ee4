"""What every room uses: array types, images in and out, devices, seeds, errors, files, progress."""
