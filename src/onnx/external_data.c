#include "onnx/external_data.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

static bool entry_is(const ProtobufCBinaryData *key, const char *name)
{
    return key->len == strlen(name) && memcmp(key->data, name, key->len) == 0;
}

static int parse_decimal(const ProtobufCBinaryData *text, uint64_t *number, struct error *error)
{
    uint64_t result = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] < '0' || text->data[i] > '9' || result > (UINT64_MAX - 9) / 10)
            return error_set(error, ERROR_INPUT, "external data: an offset or length is not a decimal number");
        result = result * 10 + (uint64_t)(text->data[i] - '0');
    }
    *number = result;
    return text->len > 0 ? 0 : error_set(error, ERROR_INPUT, "external data: an offset or length is empty");
}

/* Relative, without "..", empty parts or NULs. */
static int check_location(const ProtobufCBinaryData *location, struct error *error)
{
    const char *path = (const char *)location->data;
    bool bad = location->len == 0 || location->len > 4000 || path[0] == '/' || memchr(path, 0, location->len);
    for (size_t begin = 0; !bad && begin <= location->len;) {
        size_t end = begin;
        while (end < location->len && path[end] != '/')
            end++;
        bad = end == begin || (end - begin == 2 && memcmp(path + begin, "..", 2) == 0);
        begin = end + 1;
    }
    if (!bad)
        return 0;
    char printable[96];
    return error_set(error, ERROR_INPUT,
                     "external data: the location '%s' is not a plain path inside the model's folder",
                     text_printable(path, location->len, printable, sizeof printable));
}

int external_data_parse(struct arena *arena, const Onnx__TensorProto *tensor, size_t bytes, struct payload *payload,
                        struct error *error)
{
    const ProtobufCBinaryData *values[4] = {NULL};
    static const char *const keys[4] = {"location", "offset", "length", "checksum"};
    for (size_t i = 0; i < tensor->n_external_data; i++) {
        const Onnx__StringStringEntryProto *entry = tensor->external_data[i];
        int found = -1;
        for (int key = 0; key < 4; key++)
            found = entry_is(&entry->key, keys[key]) ? key : found;
        if (found < 0 || values[found])
            return error_set(error, ERROR_INPUT, "external data: an unknown or repeated key");
        values[found] = &entry->value;
    }
    if (!values[0])
        return error_set(error, ERROR_INPUT, "external data: no location");
    payload->place = PAYLOAD_EXTERNAL;
    payload->length = bytes;
    if (check_location(values[0], error) || (values[1] && parse_decimal(values[1], &payload->offset, error)) ||
        (values[2] && parse_decimal(values[2], &payload->length, error)))
        return -1;
    payload->location = arena_copy_string(arena, (const char *)values[0]->data, values[0]->len, error);
    return payload->location ? 0 : -1;
}

/* Opens part after part without following links; O_NONBLOCK, so that a FIFO does not wait for a writer. */
static int open_beneath(const char *folder, const char *location)
{
    int here = open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (here >= 0) {
        const char *slash = strchr(location, '/');
        char part[4096];
        size_t length = slash ? (size_t)(slash - location) : strlen(location);
        if (length >= sizeof part) {
            close(here);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, location, length);
        part[length] = 0;
        int next = openat(here, part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (slash ? O_DIRECTORY : 0));
        int failure = errno;
        close(here);
        errno = failure;
        if (!slash)
            return next;
        here = next;
        location = slash + 1;
    }
    return -1;
}

static int read_checked(int file, const struct payload *payload, void *bytes, struct error *error)
{
    struct stat status;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
        return error_set(error, ERROR_INPUT, "external data '%s' is not a regular file", payload->location);
    if (status.st_nlink > 1)
        return error_set(error, ERROR_INPUT, "external data '%s' has more than one name (hard links)",
                         payload->location);
    uint64_t size = (uint64_t)status.st_size;
    if (payload->length > size || payload->offset > size - payload->length)
        return error_set(error, ERROR_INPUT, "external data '%s' is shorter than the model says", payload->location);
    for (uint64_t done = 0; done < payload->length;) {
        ssize_t got =
            pread(file, (char *)bytes + done, (size_t)(payload->length - done), (off_t)(payload->offset + done));
        if (got > 0)
            done += (uint64_t)got;
        else if (got == 0 || errno != EINTR)
            return error_set(error, ERROR_IO, "external data '%s' cannot be read", payload->location);
    }
    return 0;
}

int external_data_read(const char *folder, const struct payload *payload, void *bytes, struct error *error)
{
    int file = open_beneath(folder, payload->location);
    if (file < 0)
        return error_set(error, ERROR_INPUT, "external data '%s' cannot be opened: %s", payload->location,
                         errno == ELOOP    ? "links are not followed"
                         : errno == ENOENT ? "the file is missing; put it into the model's folder"
                                           : strerror(errno));
    int result = read_checked(file, payload, bytes, error);
    close(file);
    return result;
}
