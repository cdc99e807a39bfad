"""The words of the page in plain language: shown as hovers where they occur and as a list at the end of the overview."""

from __future__ import annotations

# the page looks for a word as it is written here, longer ones first
GLOSSARY: dict[str, str] = {
    "FNMR": "False non-match rate: the share of genuine pairs (two images of one person) that the judge turns away. "
    "Lower is better.",
    "FMR": "False match rate: the share of impostor pairs (images of two people) that the judge takes for one person. "
    "Lower is better.",
    "threshold kept": "The score from which a pair counts as one person. It is set once on unoccluded images (TT) so that "
    "the FMR does not exceed its target, and then kept for occluded and restored images, as a deployed system keeps its own.",
    "equal FMR": "Every setting has its own threshold, set so that the same share of impostor pairs gets in. A restoration that "
    "raises all scores, those of strangers too, wins nothing by it.",
    "Recovered": "The share of what the occlusion cost that restoring gives back: (MT − UT) / (MT − TT) of the FNMR. 100 % is "
    "as good as never occluded, below 0 % is worse than leaving the image occluded.",
    "unknown": "Images that were made elsewhere: nobody has said whether the true mask helped.",
    "FNMR recovered": "How far restoring lowers the FNMR against leaving the image occluded (MT to UT), in percentage points. "
    "More is better.",
    "FMR added": "How far restoring raises the FMR (MT to UT), in percentage points: strangers who are let in because the "
    "image was restored. Zero or less is good.",
    "judge": "The face matcher that compares two images. A matcher that took part in a method's training is no independent "
    "judge of it: such values carry a † and never win.",
    "TMR": "True match rate: the share of genuine pairs recognised when the threshold is set anew in each setting, "
    "1 − FNMR at equal FMR. A deployed system with a fixed threshold gets 1 − FNMR at the kept one.",
    "untouched": "The occluded image as it is: what one has without any restoration. A method must beat it.",
    "Never occluded": "The same pairs without any occlusion (TT): what a perfect restoration would reach.",
    "composite": "The restored pixels inside the occlusion, the original ones outside it. Pasting needs the true mask.",
    "raw": "The image as the network gave it, nothing pasted back.",
    "oracle": "The method was given the true mask of the occlusion. A deployment has none and must find it.",
    "predicted": "The method was given a mask that a segmenter found, as a deployment would.",
    "blind": "The method needs no mask.",
    "rank group": "Methods of one group (one letter) cannot be told apart by the paired tests.",
    "Holm": "A correction of p values for making many comparisons at once.",
    "interval": "95 % bootstrap interval over people: other samples of people would mostly give a value in this range.",
    "UT": "Setting: restored probe against true gallery image, the usual deployment.",
    "MT": "Setting: occluded probe against true gallery image.",
    "TT": "Setting: both images without occlusion; thresholds are set here.",
    "MM": "Setting: both images occluded.",
    "UU": "Setting: both images restored.",
    "AUC": "Area under the ROC: the chance that a genuine pair scores above an impostor pair. 50 % is guessing.",
    "EER": "Equal error rate: where FMR and FNMR are the same. Lower is better.",
    "LPIPS": "Distance of two images in a network's features, near to what people see. Lower is better.",
    "SSIM": "Structural similarity of two images, 1 for identical ones. Higher is better.",
    "PSNR": "Peak signal-to-noise ratio in decibels, from the mean squared error. Higher is better.",
    "FID": "Distance of two sets of images in a network's features; needs thousands of images. Lower is better.",
    "hole": "Only the pixels that were occluded.",
    "whole": "All pixels of the image.",
    "pp": "Percentage points, the difference of two percentages: from 20 % to 15 % is 5 percentage points.",
    "percentage points": "The difference of two percentages: from 20 % to 15 % is 5 percentage points.",
}
