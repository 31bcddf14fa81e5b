"""fovea for Python, by ctypes: numpy arrays in, numpy arrays out.

    model = Model(open("model.onnx", "rb").read())
    model.run(picture), model.erf([picture]), model.cam([picture])

Pictures are arrays [height, width, 3] of uint8; other arrays are tensors as the model takes them. The library is
$FOVEA_LIBRARY, else the installed one. `python3 fovea.py MODEL` shows all of it."""
import ctypes
import ctypes.util
import os
import sys
from ctypes import POINTER, byref, c_bool, c_char, c_char_p, c_double, c_float, c_int, c_int64, c_size_t, c_uint64, c_void_p

import numpy

VERSION = (0, 2)  # of the headers that these structures are of
RESERVED = ("reserved", c_uint64 * 8)
ROOM = ("room", c_uint64 * 512)  # for the fields that are not named here: the library fills such a structure


def structure(*fields):
    return type("Structure", (ctypes.Structure,), {"_fields_": fields})


Error = structure(("code", c_int), ("message", c_char * 2048), ("kind", c_int), RESERVED)
Tensor = structure(("type", c_char_p), ("rank", c_int), ("dims", c_int64 * 8), ("data", c_void_p), ("bytes", c_size_t), RESERVED)
Image = structure(("pixels", c_void_p), ("height", c_int64), ("width", c_int64), ("stride", c_int64), ("name", c_char_p),
                  ("mask", c_void_p), ("mask_stride", c_int64), RESERVED)
Feed = structure(("name", c_char_p), ("path", c_char_p), ("tensor", POINTER(Tensor)), ("images", POINTER(Image)),
                 ("image_count", c_int64), ("source", c_void_p), RESERVED)
FEEDS = ("shapes", c_void_p), ("shape_count", c_int), ("feeds", POINTER(Feed)), ("feed_count", c_int), ("preprocess", c_void_p)
Samples = structure(*FEEDS, ("labels", c_char_p), ("class_names", c_void_p), ("class_count", c_int64),
                    ("limit", c_int64), ("batch", c_int64), ("skip_broken", c_bool), RESERVED)
SessionOptions = structure(*FEEDS, ROOM)
ErfOptions = structure(("samples", Samples), ("target", c_char_p), ("unit", c_int64 * 2), ("score", c_int), ("class_index", c_int64), ROOM)
CamOptions = structure(("samples", Samples), ("target", c_char_p), ("layer", c_char_p), ("class_index", c_int64), ROOM)
Preprocess = structure(("preset", c_char_p), ROOM)
Options = structure(("max_memory", c_size_t), ("threads", c_int), ROOM)
Erf = structure(("height", c_int64), ("width", c_int64), ("images", c_int64), ("map", POINTER(c_float)), ROOM)
Cam = structure(  # as far as it is read here: the library has it
    ("model", c_char_p), ("name", c_char_p), ("image", c_int64), ("method", c_int), ("target", c_char_p), ("layer", c_char_p),
    ("layers", c_int), ("class_index", c_int64), ("unit", c_int64 * 2), ("class_name", c_char_p), ("label", c_int64),
    ("score", c_double), ("probability", c_double), ("of_classes", c_bool), ("reading", c_char_p), ("cells", c_int64 * 2),
    ("map", POINTER(c_double)), ("height", c_int64), ("width", c_int64), ("pixels", POINTER(c_float)))
EACH = ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(Cam), POINTER(Error))
library = ctypes.CDLL(os.environ.get("FOVEA_LIBRARY") or ctypes.util.find_library("fovea") or "libfovea.so.0")
for name, result, *arguments in (
        ("version_check", c_bool, c_int, c_int), ("options_default", Options), ("session_options_default", SessionOptions),
        ("erf_options_default", ErfOptions), ("cam_options_default", CamOptions), ("preprocess_default", Preprocess),
        ("open", c_void_p, POINTER(Options), POINTER(Error)), ("close", None, c_void_p),
        ("model_load_memory", c_void_p, c_void_p, c_char_p, c_size_t, c_char_p, POINTER(Error)), ("model_free", None, c_void_p),
        ("model_metadata", c_char_p, c_void_p, c_char_p),
        ("session_open", c_void_p, c_void_p, POINTER(SessionOptions), POINTER(Error)), ("session_free", None, c_void_p),
        ("session_run", c_int, c_void_p, POINTER(Error)), ("session_output_count", c_int, c_void_p),
        ("session_output_name", c_char_p, c_void_p, c_int), ("session_output", Tensor, c_void_p, c_int),
        ("erf", c_int, c_void_p, POINTER(ErfOptions), POINTER(Erf), POINTER(Error)), ("erf_free", None, POINTER(Erf)),
        ("cam", c_int, c_void_p, POINTER(CamOptions), EACH, c_void_p, POINTER(Error))):
    getattr(library, "fovea_" + name).restype = result
    getattr(library, "fovea_" + name).argtypes = arguments
if not library.fovea_version_check(*VERSION):
    raise ImportError("fovea.py is for fovea %d.%d" % VERSION)
if list(library.fovea_erf_options_default().unit) != [-1, -1]:
    raise ImportError("fovea.py and libfovea do not lay out their structures alike")


def checked(failed):
    """Raises what the library said."""
    if failed:
        raise RuntimeError(error.message.decode())


def array(pointer, *shape):
    return numpy.ctypeslib.as_array(pointer, shape).copy()


def feed_of(pictures):
    """A feed of pictures, or of one tensor; what it points to is kept alive with it."""
    if isinstance(pictures, numpy.ndarray) and pictures.dtype != numpy.uint8:
        values = numpy.ascontiguousarray(pictures)
        kind = {"float32": b"float", "float64": b"double"}.get(values.dtype.name, values.dtype.name.encode())
        tensor = Tensor(kind, values.ndim, (c_int64 * 8)(*values.shape), values.ctypes.data, values.nbytes)
        feed = Feed(tensor=ctypes.pointer(tensor))
        feed.kept = values, tensor
        return feed
    kept = [pictures] if isinstance(pictures, numpy.ndarray) else list(pictures)
    for i, picture in enumerate(kept):
        if picture.dtype != numpy.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError("a picture is an array [height, width, 3] of uint8")
        if picture.strides[1:] != (3, 1) or picture.strides[0] < 3 * picture.shape[1]:
            kept[i] = numpy.ascontiguousarray(picture)
    images = (Image * len(kept))(*(Image(p.ctypes.data, p.shape[0], p.shape[1], p.strides[0]) for p in kept))
    feed = Feed(images=images, image_count=len(kept))
    feed.kept = kept, images
    return feed


error = Error()
context = library.fovea_open(byref(library.fovea_options_default()), byref(error))
checked(not context)


class Model:
    def __init__(self, data, name="the model", preset="imagenet"):
        """`preset`: how pictures are prepared where the file does not say."""
        self.handle = library.fovea_model_load_memory(context, data, len(data), name.encode(), byref(error))
        checked(not self.handle)
        self.preprocess = library.fovea_preprocess_default()
        if not library.fovea_model_metadata(self.handle, b"fovea.preprocess"):
            self.preprocess.preset = preset.encode()

    def __del__(self):
        library.fovea_model_free(getattr(self, "handle", None))

    def options(self, make, feed):
        options = make()
        samples = getattr(options, "samples", options)
        samples.feeds, samples.feed_count = ctypes.pointer(feed), 1
        samples.preprocess = ctypes.addressof(self.preprocess)
        return options

    def run(self, pictures):
        """The outputs by their names."""
        feed = feed_of(pictures)
        session = library.fovea_session_open(self.handle, byref(self.options(library.fovea_session_options_default, feed)), byref(error))
        checked(not session)
        try:
            checked(library.fovea_session_run(session, byref(error)))
            outputs = {}
            for i in range(library.fovea_session_output_count(session)):
                tensor = library.fovea_session_output(session, i)
                kind = {b"double": "f8", b"int64": "i8", b"int32": "i4", b"uint8": "u1", b"bool": "u1"}.get(tensor.type, "f4")
                values = numpy.frombuffer(ctypes.string_at(tensor.data, tensor.bytes), kind)
                outputs[library.fovea_session_output_name(session, i).decode()] = values.reshape(tensor.dims[:tensor.rank])
            return outputs
        finally:
            library.fovea_session_free(session)

    def erf(self, pictures):
        """The effective receptive field [height, width], mean over the pictures."""
        feed, erf = feed_of(pictures), Erf()
        checked(library.fovea_erf(self.handle, byref(self.options(library.fovea_erf_options_default, feed)), byref(erf), byref(error)))
        field = array(erf.map, erf.height, erf.width)
        library.fovea_erf_free(byref(erf))
        return field

    def cam(self, pictures):
        """For each picture: the predicted class, its score, the map by cells and by pixels."""
        feed, maps = feed_of(pictures), []

        def each(_, cam, __):
            cam = cam.contents
            maps.append((cam.class_index, cam.score, array(cam.map, *cam.cells), array(cam.pixels, cam.height, cam.width)))
            return 0

        checked(library.fovea_cam(self.handle, byref(self.options(library.fovea_cam_options_default, feed)), EACH(each), None, byref(error)))
        return maps


def main(path):
    with open(path, "rb") as file:
        model = Model(file.read(), path)
    frame = numpy.zeros((240, 400, 3), numpy.uint8)
    frame[60:180, 100:260] = 220, 180, 140
    picture = frame[:, 40:360]  # rows stay 1200 bytes apart
    for name, values in model.run(picture).items():
        print("run: %s %s, largest at %d" % (name, list(values.shape), values.argmax()))
    field = model.erf([picture])
    print("erf: %d x %d, sum %.6g" % (*field.shape, field.sum(dtype="f8")))
    for number, score, cells, pixels in model.cam([picture, picture[::2, ::2]]):
        print("cam: class %d, score %.6g, %s cells, %s pixels" % (number, score, cells.shape, pixels.shape))


if __name__ == "__main__":
    main(*sys.argv[1:])
