"""The only doors to files: images, outlines, the result folder."""
