import asyncio

# Told that there is no loop, the policy makes none for whoever asks (the looptime plugin does) and then leaves it open.
asyncio.set_event_loop(None)
