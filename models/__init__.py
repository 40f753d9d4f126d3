"""Networks: the contract, and in the folders architectures, convs and what they are made of."""
