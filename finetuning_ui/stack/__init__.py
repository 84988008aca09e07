"""The embedded services and the processes of the product, as one group: see `finetuning_ui.services`."""
