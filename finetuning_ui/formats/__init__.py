"""How dates are written: on 24 hours, as everywhere else on the pages."""
