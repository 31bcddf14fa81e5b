#include "onnx/file_kind.h"

#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "base/text.h"
#include "onnx/wire.h"

#define HEAD_BYTES 4096
#define ZIP_BYTES 65536 /* of both ends: local headers and the directory */
#define MOST_FIELDS 64

#define FROM_TORCH "load it in Python and export it with torch.onnx.export"
#define FROM_TENSORFLOW "convert it with tf2onnx"
#define ABOUT_DOWNLOAD "the download went wrong (a login, a moved address); fetch the file itself"

/* The file's first bytes, a NUL behind them. */
struct head {
    unsigned char bytes[HEAD_BYTES + 1];
    size_t length;
    const struct model_reader *reader;
};

/* Bytes that files of one kind begin with, or hold at `offset`. */
static const struct mark {
    size_t offset, length;
    const char *bytes, *kind;
} marks[] = {
    {0, 8, "\x89HDF\r\n\x1a\n",
     "an HDF5 file, as Keras writes them (.h5): open it in Keras and convert it with tf2onnx"},
    {4, 4, "ORTM",
     "ONNX Runtime's own format (.ort), optimised for the machine that wrote it: use the ONNX file that it was made "
     "from"},
    {4, 4, "TFL3", "a TFLite model: convert it with tf2onnx"},
    {0, 4, "GGUF", "a GGUF file: its weights come without a graph; export the network itself to ONNX"},
    {0, 8, "7767517\n", "an ncnn or PNNX parameter file: export the network itself to ONNX"},
    {0, 4, "ftrt", "a TensorRT engine, built for one GPU: use the ONNX file that it was built from"},
    {0, 4, "ptrt", "a TensorRT engine, built for one GPU: use the ONNX file that it was built from"},
    {0, 4, "RKNN", "an RKNN model, built for one chip: use the ONNX file that it was built from"},
    {0, 6, "\x93NUMPY", "a .npy array"},
    {0, 4, "\x89PNG", "a PNG image"},
    {0, 3, "\xff\xd8\xff", "a JPEG image"},
    {0, 4, "GIF8", "a GIF image"},
    {8, 4, "WEBP", "a WebP image"},
    {0, 4, "%PDF", "a PDF document"},
    {0, 2, "\x1f\x8b", "compressed with gzip: unpack it first (gunzip, or tar -xzf)"},
    {0, 6,
     "\xfd"
     "7zXZ\0",
     "compressed with xz: unpack it first (unxz, or tar -xJf)"},
    {0, 4, "\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first (unzstd)"},
    {0, 3, "BZh", "compressed with bzip2: unpack it first (bunzip2, or tar -xjf)"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"},
    {257, 5, "ustar", "a tar archive: unpack it first (tar -xf)"},
    {0, 14, "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20j\xa8P\x19",
     "a PyTorch file of before version 1.6 (.pt, .pth): " FROM_TORCH},
};

/* What the names in a zip archive say of it; the first that is found. */
static const struct mark zip_marks[] = {
    {0, 0, "constants.pkl", "a TorchScript archive: load it with torch.jit.load and export it with torch.onnx.export"},
    {0, 0, "data.pkl", "a PyTorch file (.pt, .pth): " FROM_TORCH},
    {0, 0, "model.weights.h5", "a Keras model (.keras): open it in Keras and convert it with tf2onnx"},
    {0, 0, "com.apple.CoreML", "a Core ML package: export the network itself to ONNX"},
    {0, 0, "saved_model.pb", "a zip archive of a TensorFlow SavedModel: unpack it and " FROM_TENSORFLOW},
    {0, 0, ".npy", "a .npz archive of arrays"},
    {0, 0, ".onnx", "a zip archive that holds an ONNX file: unpack it first (unzip)"},
};

static bool holds(const unsigned char *bytes, size_t length, const char *word)
{
    return memmem(bytes, length, word, strlen(word)) != NULL;
}

static const char *zip_kind(const struct head *head, unsigned char *block)
{
    uint64_t size = head->reader->size, length = size < ZIP_BYTES ? size : ZIP_BYTES;
    struct error ignored = ERROR_INITIALISER;
    const char *found = "a zip archive: unpack it first (unzip)";
    size_t best = sizeof zip_marks / sizeof zip_marks[0];
    for (int end = 0; end < 2; end++) {
        if (model_reader_read(head->reader, end ? size - length : 0, block, length, &ignored))
            break;
        for (size_t i = 0; i < best; i++) {
            if (holds(block, (size_t)length, zip_marks[i].bytes)) {
                found = zip_marks[i].kind;
                best = i;
            }
        }
    }
    return found;
}

/* The text without a byte order mark and the white space in front. */
static const char *text_begin(const struct head *head)
{
    const char *text = (const char *)head->bytes;
    text += text_mark(text, head->length);
    return text + strspn(text, " \t\r\n");
}

/* `word` is in small letters, the text in any. */
static bool begins(const char *text, const char *word)
{
    for (; *word; text++, word++) {
        char letter = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        if (letter != *word)
            return false;
    }
    return true;
}

static const char *markup_kind(const char *text)
{
    if (strstr(text, "<html") || begins(text, "<html") || begins(text, "<!doctype html"))
        return "an HTML page: " ABOUT_DOWNLOAD;
    if (strstr(text, "<net "))
        return "an OpenVINO network (.xml): use the ONNX file that it was made from, or export the network again";
    return strstr(text, "<Error>") || strstr(text, "<Code>") ? "an error message of a server in XML: " ABOUT_DOWNLOAD
                                                             : "an XML file";
}

static const char *json_kind(const char *text)
{
    if (strstr(text, "modelTopology") || strstr(text, "tfjs"))
        return "a TensorFlow.js model: use the SavedModel that it was made from and " FROM_TENSORFLOW;
    if (strstr(text, "\"error\"") || strstr(text, "\"message\""))
        return "a JSON message: " ABOUT_DOWNLOAD;
    return "a JSON file";
}

/* Whether all of the head can stand in a text. */
static bool is_text(const struct head *head)
{
    for (size_t i = 0; i < head->length; i++) {
        if (head->bytes[i] == 127 || (head->bytes[i] < 32 && !strchr("\t\r\n", head->bytes[i])) || !head->bytes[i])
            return false;
    }
    return head->length > 0;
}

static const char *text_kind(const struct head *head, char out[FILE_KIND_SIZE])
{
    const char *text = text_begin(head);
    if (begins(text, "version https://git-lfs") || strstr(text, "https://git-lfs.github.com/spec"))
        return "a Git LFS pointer, not the file that it stands for: fetch that with git lfs pull";
    if (text[0] == '<' && strstr(text, "ir_version"))
        return "ONNX in its text form: write it as a file with onnx.parser.parse_model and onnx.save";
    if (text[0] == '<')
        return markup_kind(text);
    if (text[0] == '{' || text[0] == '[')
        return json_kind(text);
    if (begins(text, "ir_version:"))
        return "ONNX as protobuf text: read it with google.protobuf.text_format and write it with onnx.save";
    if (strstr(text, "layer {") || strstr(text, "layers {"))
        return "a Caffe network (.prototxt): its weights stand in another file; export the network itself to ONNX";
    char line[80] = "", shown[256];
    size_t length = strcspn(text, "\r\n");
    snprintf(line, sizeof line, "%.*s", (int)(length < 60 ? length : 60), text);
    snprintf(out, FILE_KIND_SIZE, "a text that begins with \"%s\"",
             text_printable(line, strlen(line), shown, sizeof shown));
    return out;
}

/* Core ML says its kind by a field of number 200 or more; TensorFlow's SavedModel has two fields alone. */
static const char *message_kind(const struct head *head)
{
    uint64_t offset = 0, size = head->reader->size;
    bool only_two = true;
    for (int fields = 0; fields < MOST_FIELDS && offset < size; fields++) {
        unsigned char bytes[20];
        size_t length = size - offset < sizeof bytes ? (size_t)(size - offset) : sizeof bytes, at = 0;
        uint64_t tag, value;
        struct error ignored = ERROR_INITIALISER;
        if (model_reader_read(head->reader, offset, bytes, length, &ignored) ||
            !wire_take_varint(bytes, length, &at, &tag) || ((tag & 7) != 0 && (tag & 7) != 2) ||
            !wire_take_varint(bytes, length, &at, &value))
            return NULL;
        if (tag >> 3 >= 200 && (tag & 7) == 2)
            return "a Core ML model (.mlmodel): export the network itself to ONNX";
        /* A SavedModel's second field is a message whose first field is one; ONNX has the producer's name there. */
        only_two = only_two && (tag == 0x08 || (tag == 0x12 && at < length && bytes[at] == 0x0a));
        offset += at;
        if ((tag & 7) == 2 && value > size - offset)
            return NULL;
        offset += (tag & 7) == 2 ? value : 0;
    }
    return only_two ? "a TensorFlow SavedModel (saved_model.pb): convert its folder with tf2onnx" : NULL;
}

/* Messages of protobuf that are no ModelProto. */
static const char *protobuf_kind(const struct head *head)
{
    const unsigned char *bytes = head->bytes;
    uint64_t outer, inner;
    size_t at = 1;
    if (bytes[0] == 0x0a && wire_take_varint(bytes, head->length, &at, &outer) && bytes[at] == 0x0a &&
        wire_take_varint(bytes, head->length, &(size_t){at + 1}, &inner)) {
        if (holds(bytes, head->length, "\x12\x0bPlaceholder") || holds(bytes, head->length,
                                                                       "\x12\x05"
                                                                       "Const"))
            return "a frozen TensorFlow graph (GraphDef): " FROM_TENSORFLOW;
    }
    if (bytes[0] == 0x0a && (holds(bytes, head->length, "feed") && holds(bytes, head->length, "fetch")))
        return "a Paddle program (.pdmodel): convert it with paddle2onnx";
    return bytes[0] == 0x08 && head->length > 2 ? message_kind(head) : NULL;
}

static bool only_zeros(const struct head *head)
{
    for (size_t i = 0; i < head->length; i++) {
        if (head->bytes[i])
            return false;
    }
    return true;
}

static bool is_safetensors(const struct head *head)
{
    uint64_t header = 0;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | head->bytes[i];
    return head->length > 9 && header >= 2 && header <= head->reader->size - 8 && head->bytes[8] == '{' &&
           (head->bytes[9] == '"' || head->bytes[9] == ' ' || head->bytes[9] == '}');
}

static const char *known_kind(const struct head *head, unsigned char *block, char out[FILE_KIND_SIZE])
{
    const unsigned char *bytes = head->bytes;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const struct mark *mark = &marks[i];
        if (mark->offset + mark->length <= head->length && memcmp(bytes + mark->offset, mark->bytes, mark->length) == 0)
            return mark->kind;
    }
    if (head->length >= 4 && memcmp(bytes, "PK\3\4", 4) == 0)
        return zip_kind(head, block);
    if (head->length > 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5)
        return "a Python pickle, as PyTorch and scikit-learn write them: " FROM_TORCH;
    if (is_safetensors(head))
        return "a safetensors file: its weights come without a graph; load them into their network in Python and "
               "export that with torch.onnx.export";
    if (only_zeros(head))
        return "nothing but zeros at its beginning: the download or the disk failed; fetch it again";
    return is_text(head) ? text_kind(head, out) : protobuf_kind(head);
}

const char *file_kind(const struct model_reader *reader, char out[FILE_KIND_SIZE])
{
    struct error ignored = ERROR_INITIALISER;
    const char *kind = NULL;
    if (reader->size == 0)
        return "empty: the download or the export failed; fetch or make it again";
    struct head *head = memory_allocate(reader->memory, 1, sizeof *head, &ignored);
    unsigned char *block = head ? memory_allocate(reader->memory, ZIP_BYTES, 1, &ignored) : NULL;
    if (block) {
        head->reader = reader;
        head->length = reader->size < HEAD_BYTES ? (size_t)reader->size : HEAD_BYTES;
        if (model_reader_read(reader, 0, head->bytes, head->length, &ignored) == 0) {
            head->bytes[head->length] = 0;
            kind = known_kind(head, block, out);
        }
    }
    memory_release(reader->memory, block);
    memory_release(reader->memory, head);
    return kind;
}
