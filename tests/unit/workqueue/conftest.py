import asyncio

# Without a loop, and not told that there is none, the policy makes one for whoever asks (the looptime plugin asks for
# every test) and nobody closes it: a ResourceWarning in a later test.
asyncio.set_event_loop(None)
