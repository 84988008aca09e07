"""Door 2, for programs. Each dialect is a package: `native` is our own REST; it knows services and models, not pages."""
