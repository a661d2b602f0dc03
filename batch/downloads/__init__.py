"""Videos brought down to files: named, streamed, checked before they count. Nothing here buys."""
