"""The tests of every verb's meaning, by subject; `tinytown.testing.storages.StorageContract` puts them together."""
