"""Take the notebooks out of source archives: corpus.py ARCHIVES OUT."""

import pathlib
import sys
import tarfile

archives, out = map(pathlib.Path, sys.argv[1:3])
count = 0
for archive in sorted(archives.glob("*.tar.gz")):
    with tarfile.open(archive) as tar:
        for member in tar:
            name = pathlib.PurePosixPath(member.name)
            if not member.isfile() or name.suffix != ".ipynb" or ".." in name.parts:
                continue
            target = out.joinpath(*name.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(tar.extractfile(member).read())
            count += 1
if not count:
    sys.exit(f"there is no notebook in {archives}")
print(f"{count} notebooks")
