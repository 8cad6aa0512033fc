"""How a reading process and its parent talk: frames over two pipes.

In: four bytes length of the path, eight bytes length of the contents (big endian), path, contents. Out: eight bytes
length, then one JSON object; an empty frame says once, at the start, that the process is ready. Requests are sent
ahead without waiting for replies.
"""

from __future__ import annotations

import struct

REQUEST = struct.Struct(">IQ")
REPLY = struct.Struct(">Q")
LOADED_SIGNATURE = b"\0footnote: loaded documents\0"
"""How contents begin that a loader gave; no file that people keep begins like this."""
