"""The pack of the golden test: what its creatures inherit from is found without importing this."""

raise AssertionError("a reference imports nothing")
