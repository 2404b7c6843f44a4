"""git objects and packs made by hand, since git itself refuses to make the hostile ones."""
import hashlib
import struct
import zlib

KINDS = {"commit": 1, "tree": 2, "blob": 3}


class Objects:
    """A set of objects that becomes one pack."""

    def __init__(self):
        self.all = {}

    def add(self, kind, content):
        """The object's id."""
        name = hashlib.sha1(f"{kind} {len(content)}\0".encode() + content).hexdigest()
        self.all[name] = (kind, content)
        return name

    def blob(self, content):
        return self.add("blob", content if isinstance(content, bytes) else content.encode())

    def tree(self, entries):
        """Of (mode, name, id), in the order given: git's own order is for git's own trees."""
        return self.add("tree", b"".join(mode.encode() + b" " + (name if isinstance(name, bytes) else name.encode()) + b"\0" +
                                         bytes.fromhex(child) for mode, name, child in entries))

    def commit(self, tree, message="A commit\n"):
        who = "Mallory <mallory@example.org> 1700000000 +0000"
        return self.add("commit", f"tree {tree}\nauthor {who}\ncommitter {who}\n\n{message}".encode())

    def commit_of(self, files):
        """A commit of {path: text or (mode, text)}; directories are made, names sorted as git does."""
        def tree_of(below):
            entries = []
            for name, value in below.items():
                if isinstance(value, dict):
                    entries.append(("40000", name, tree_of(value)))
                else:
                    mode, content = value if isinstance(value, tuple) else ("100644", value)
                    entries.append((mode, name, content if mode == "160000" else self.blob(content)))
            return self.tree(sorted(entries, key=lambda entry: entry[1] + ("/" if entry[0] == "40000" else "")))

        top = {}
        for path, value in files.items():
            *parents, name = path.split("/")
            place = top
            for parent in parents:
                place = place.setdefault(parent, {})
            place[name] = value
        return self.commit(tree_of(top))


def pack(objects):
    out = [b"PACK", struct.pack(">II", 2, len(objects.all))]
    for kind, content in objects.all.values():
        size, first = len(content) >> 4, KINDS[kind] << 4 | len(content) & 15
        while size:
            out.append(bytes([first | 128]))
            first, size = size & 127, size >> 7
        out.append(bytes([first]))
        out.append(zlib.compress(content))
    body = b"".join(out)
    return body + hashlib.sha1(body).digest()
