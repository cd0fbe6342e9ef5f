"""What a VMDistributed stands for: its children as they should be, as pure functions (spec 02 §2 to §8, §16)."""
