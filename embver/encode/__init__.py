"""Turn items into vectors with a transformers encoder; knows neither git, YAML nor the site."""
