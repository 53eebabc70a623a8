#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pure layers reach for nothing of the world: no socket, file, clock, thread or randomness. What their objects
leave undefined must be defined by another of them or stand in the allow-list below (an allow-list, so that what
nobody thought of is refused). And the relay holds nothing that could understand what it stores.

usage: purity.py LIBRARY.a...                        exit 1 on any violation
       purity.py --apart PROGRAM LIBRARY.a...        no symbol of the libraries is in the program"""
import re
import subprocess
import sys

ALLOWED = set("""
    memcmp memcpy memmove memset strlen strcmp strncmp memchr strnlen bcmp strchr strrchr strspn
    strcspn strpbrk strstr strncpy memrchr
    __memcpy_chk __memmove_chk __memset_chk __stack_chk_fail __explicit_bzero_chk
    sodium_init sodium_memzero sodium_memcmp sodium_is_zero sodium_compare sodium_increment sodium_add
    sodium_bin2hex sodium_hex2bin sodium_bin2base64 sodium_base642bin
    _GLOBAL_OFFSET_TABLE_ qsort bsearch abs snprintf __snprintf_chk
""".split())
# Of crypto_* everything but what draws its own randomness.
CRYPTO = re.compile(r"^crypto_(?!.*(keypair$|keygen$|_random$|pwhash|_seal$))|^crypto_\w*_seed_keypair$")
# One object, one exception: mem.c is the door to the heap, and says which invariant broke before it aborts.
EXCEPTIONS = {"mem.c.o": set("calloc free abort stderr fprintf __fprintf_chk".split())}


def symbols(path, *options):
    """(object, symbol) of each symbol that nm lists."""
    out = subprocess.run(["nm", "-A", *options, path], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        obj = re.search(r":([^:/]+\.o):", line)
        if not line.endswith(":"):
            yield obj.group(1) if obj else path, line.split()[-1]


def impure(libraries):
    defined = {name for lib in libraries for _, name in symbols(lib, "--defined-only", "-g")}
    for lib in libraries:
        for obj, name in symbols(lib, "--undefined-only"):
            name = name.split("@")[0]
            if name not in defined | ALLOWED | EXCEPTIONS.get(obj, set()) and not CRYPTO.search(name):
                yield f"{lib}: {obj} reaches for {name}"


def not_apart(program, libraries):
    held = {name for _, name in symbols(program, "--defined-only")}
    for lib in libraries:
        for name in sorted({n for _, n in symbols(lib, "--defined-only", "-g")} & held):
            yield f"{program}: holds {name} of {lib}"


def main(args):
    found = list(not_apart(args[1], args[2:]) if args[:1] == ["--apart"] else impure(args))
    print("\n".join(found + [f"{len(found)} violations"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
