"""What people do without cheap-convolution distillation; methods too."""
