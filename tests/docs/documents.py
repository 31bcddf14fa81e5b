"""Documents that the verbs print and write, one command each: small models and pictures, chosen so that every field
occurs. Names are those of a scratch folder that furnish() fills."""
import pathlib
import shutil
import struct
import zlib

FIXTURES = {
    "cnn.onnx": "models/fashion_mnist.onnx",
    "vit.onnx": "models/fashion_vit.onnx",
    "rgb.onnx": "tests/fixtures/resnet18_bn/model.onnx",
    "folded.onnx": "tests/fixtures/resnet18/model.onnx",
    "foreign.onnx": "tests/fixtures/foreign/middle.onnx",
    "text.onnx": "tests/fixtures/foreign/text.onnx",
    "told.onnx": "tests/fixtures/foreign/told.onnx",
    "masked.onnx": "tests/fixtures/training_forms/computed_masked.onnx",
    "broken.onnx": "tests/fixtures/check/mixed.onnx",
    "groups.onnx": "tests/fixtures/structures/gn_operator_21.onnx",
    "swin.onnx": "tests/fixtures/structures/swin_t.onnx",
    "segmentation.onnx": "tests/fixtures/training/deeplab/model.onnx",
    "unet.onnx": "tests/fixtures/maps/unet.onnx",
    "detector.onnx": "tests/fixtures/detectors/centres.onnx",
    "rows.onnx": "tests/fixtures/sequences/rows.onnx",
    "images": "models/images",
    "photos": "models/photos",
}

# (schema, command without "fovea", exit code, file that holds the document; None: printed)
COMMANDS = [
    ("fovea.ops", "ops --json", 0, None),
    ("fovea.inspect", "inspect cnn.onnx --json", 0, None),
    ("fovea.inspect", "inspect foreign.onnx --json", 0, None),
    ("fovea.inspect", "inspect told.onnx --json", 0, None),
    ("fovea.inspect", "inspect text.onnx --json", 0, None),
    ("fovea.check", "check cnn.onnx --json", 0, None),
    ("fovea.check", "check broken.onnx --json", 1, None),
    ("fovea.models", "check cnn.onnx broken.onnx nothing.onnx --json", 2, None),
    ("fovea.bench", "bench cnn.onnx --runs 5 --json", 0, None),
    ("fovea.bench", "bench cnn.onnx --runs 5 --profile --json", 0, None),
    ("fovea.bench", "bench cnn.onnx --runs 5 --train --json", 0, None),
    ("fovea.run", "run cnn.onnx -i images/00001_pullover.png --json -o outputs --overlay drawn", 0, None),
    ("fovea.run", "run cnn.onnx -i images/00001_pullover.png --json -e outputs/logits.npy", 0, None),
    ("fovea.run", "run detector.onnx -i photos/cat.jpg --preprocess raw --resize 128x192 --json", 0, None),
    ("fovea.run", "run rows.onnx -i rows.npy --json", 0, None),
    ("fovea.run", "run segmentation.onnx -i four.txt --preprocess imagenet --json", 0, None),
    ("fovea.erf", "erf cnn.onnx --images images --limit 4 --perturb 20 --json -o field", 0, None),
    ("fovea.manifest", "", 0, "field/manifest.json"),
    ("fovea.erf", "erf cnn.onnx --images images --limit 4 --class predicted --compare field/erf.json --json", 0, None),
    ("fovea.erf", "erf cnn.onnx --images images --limit 4 --class 3 --score margin --json", 0, None),
    ("fovea.positions", "erf swin.onnx --positions --images photos --preprocess imagenet --limit 2 -o positions", 0,
     "positions/positions.json"),
    ("fovea.cam", "cam cnn.onnx images --limit 3 -m all --metrics --sanity --masks masks -c label -o maps", 0, "maps/cam.json"),
    ("fovea.cam", "cam cnn.onnx images --limit 2 -m gradcam --json", 0, None),
    ("fovea.cam", "cam vit.onnx images --limit 1 -m extended,cam,layercam -o maps-vit", 0, "maps-vit/cam.json"),
    ("fovea.eval", "eval cnn.onnx --images images --limit 20 --corrupt jpeg --severity 1,3 --scales default --compare cnn.onnx "
     "--json", 0, None),
    ("fovea.eval", "eval cnn.onnx --data images --compare cnn.onnx --json", 0, None),
    ("fovea.audit", "audit cnn.onnx --images images --limit 20 --json", 0, None),
    ("fovea.audit", "audit groups.onnx --images photos --preprocess imagenet --json --fail-on never", 0, None),
    ("fovea.audit", "audit foreign.onnx --json --fail-on never", 0, None),
    ("fovea.rewrite", "rewrite cnn.onnx -o new.onnx --apply gamma,kernel-padding --json", 0, None),
    ("fovea.rewrite", "rewrite foreign.onnx -o foreign-new.onnx --apply kernel-padding --json", 0, None),
    ("fovea.diff", "diff cnn.onnx new.onnx --run --json", 1, None),
    ("fovea.diff", "diff foreign.onnx foreign.onnx --run --json", 0, None),
    ("fovea.tune", "tune new.onnx --data images -e 1 --samples 40 -b 20 --control cnn.onnx --seeds 2 -o tuned.onnx "
     "--history history.jsonl --class-weights balanced --json", 0, None),
    ("fovea.history", "", 0, "history.jsonl"),
    ("fovea.rehearsal", "tune new.onnx --data images --dry-run --freeze *stem* --json", 0, None),
    ("fovea.rehearsal", "tune masked.onnx --data images --preprocess raw -b 20 --dry-run --json", 0, None),
    ("fovea.diff", "diff new.onnx tuned.onnx --run --json", 1, None),
    ("fovea.diff", "diff rgb.onnx folded.onnx --run --json", 1, None),
    ("fovea.audit", "audit cnn.onnx --sections layers --json -o layers", 0, None),
    ("fovea.tune", "tune segmentation.onnx --data small --masks small-masks --preprocess imagenet -e 1 -b 4 "
     "-o segmented.onnx --no-validation --json", 0, None),
    ("fovea.eval", "eval segmentation.onnx --data small --masks small-masks --preprocess imagenet --json", 0, None),
    ("fovea.eval", "eval segmentation.onnx --data small --masks small-masks --preprocess imagenet "
     "--corrupt jpeg --severity 1 --compare segmentation.onnx --json", 0, None),
    ("fovea.erf", "erf rgb.onnx --images mixed --preprocess imagenet --json", 0, None),
    ("fovea.positions", "erf vit.onnx --positions --images images --limit 2 --target /blocks/blocks.3/Add_2_output_0 "
     "-o positions-vit", 0, "positions-vit/positions.json"),
    ("fovea.report", "audit cnn.onnx --images images --limit 20 --sections findings,fields -o before", 0, "before/report.json"),
    ("fovea.rewrite", "rewrite cnn.onnx -o other.onnx --apply gamma --report before --json", 0, None),
    ("fovea.eval", "eval cnn.onnx --images images --limit 20 --report before --json", 0, None),
    ("fovea.report", "audit other.onnx --images images --limit 20 --baseline before --budget .02 -o after", 0,
     "after/report.json"),
    ("fovea.report", "", 0, "before/report.json"),
]


def write_png(path, rows):
    """Gray, 8 bits."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def furnish(folder, source):
    folder, source = pathlib.Path(folder), pathlib.Path(source)
    for name, path in FIXTURES.items():
        (folder / name).symlink_to(source / path)
    for name in ("masks", "small", "small-masks", "mixed"):
        (folder / name).mkdir()
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }".ljust(117) + b"\n"
    (folder / "rows.npy").write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(24))
    (folder / "mixed" / "notes.txt").write_text("no picture\n")
    for photo in sorted((source / "models" / "photos").glob("*.jpg")):
        (folder / "mixed" / photo.name).symlink_to(photo)
        write_png(folder / "small" / f"{photo.stem}.png", [[(7 * y + 3 * x) % 256 for x in range(33)] for y in range(33)])
        write_png(folder / "small-masks" / f"{photo.stem}.png", [[y // 17 + 2 * (x // 17) for x in range(33)] for y in range(33)])
    (folder / "four.txt").write_text("".join(f"{path}\n" for path in sorted((folder / "small").glob("*.png"))[:4]))
    for image in sorted((source / "models" / "images").glob("*.png"))[:3]:
        write_png(folder / "masks" / image.name, [[255 if 6 < y < 22 and 6 < x < 22 else 0 for x in range(28)] for y in range(28)])
