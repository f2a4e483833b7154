"""The prompt that `herdsight query` opens; `loop` needs prompt_toolkit, and is imported when a prompt is opened."""
