"""Modified V-Net, U-Net and base net (Plesko, Goldmann and Malinka 2025), blind restorers."""
