"""The installed shared library by ctypes: its version, and an error that names the file."""
import ctypes, sys

fovea = ctypes.CDLL(sys.argv[1])
fovea.fovea_version.restype = ctypes.c_char_p
major, minor, _ = map(int, fovea.fovea_version().split(b"."))
assert fovea.fovea_version_check(major, minor) & 1, "version"
fovea.fovea_open.restype = fovea.fovea_model_load.restype = ctypes.c_void_p
fovea.fovea_open.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
fovea.fovea_model_load.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
error = ctypes.create_string_buffer(1 << 14)
options = ctypes.create_string_buffer(1 << 12)
context = fovea.fovea_open(options, error)
assert context, error.raw
assert fovea.fovea_model_load(context, b"missing.onnx", error) is None
assert b"missing.onnx" in error.raw, error.raw
print("python", fovea.fovea_version().decode())
