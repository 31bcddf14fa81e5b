#include "onnx/reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "onnx/external_data.h"

int model_reader_read(const struct model_reader *reader, uint64_t offset, void *bytes, uint64_t length,
                      struct error *error)
{
    if (reader->bytes) {
        memcpy(bytes, reader->bytes + offset, (size_t)length);
        return 0;
    }
    for (uint64_t done = 0; done < length;) {
        ssize_t got = pread(reader->file, (char *)bytes + done, (size_t)(length - done), (off_t)(offset + done));
        if (got > 0)
            done += (uint64_t)got;
        else if (got == 0 || errno != EINTR)
            return error_set(error, ERROR_IO, "cannot be read: %s", got ? strerror(errno) : "it became shorter");
    }
    return 0;
}

static int read_payload(const struct payload_reader *base, const struct constant *constant, void *bytes,
                        struct error *error)
{
    const struct model_reader *reader = (const struct model_reader *)base;
    const struct payload *payload = &constant->payload;
    return payload->place == PAYLOAD_EXTERNAL
               ? external_data_read(reader->folder, payload, bytes, error)
               : model_reader_read(reader, payload->offset, bytes, payload->length, error);
}

static void retain_reader(const struct payload_reader *base)
{
    ((struct model_reader *)(uintptr_t)base)->references++;
}

static void release_reader(const struct payload_reader *base)
{
    struct model_reader *reader = (struct model_reader *)(uintptr_t)base;
    if (--reader->references > 0)
        return;
    if (reader->file >= 0)
        close(reader->file);
    memory_release(reader->memory, (void *)(uintptr_t)reader->bytes);
    memory_release(reader->memory, reader->folder);
    memory_release(reader->memory, reader);
}

/* `folder` NULL: none. The file and the bytes are released with it, also when there is no memory for it. */
static struct model_reader *create(struct memory *memory, int file, unsigned char *bytes, uint64_t size,
                                   const char *folder, size_t folder_length, struct error *error)
{
    struct model_reader *reader = memory_allocate(memory, 1, sizeof *reader, error);
    if (!reader) {
        if (file >= 0)
            close(file);
        memory_release(memory, bytes);
        return NULL;
    }
    *reader = (struct model_reader){.base = {read_payload, retain_reader, release_reader},
                                    .references = 1,
                                    .memory = memory,
                                    .file = file,
                                    .bytes = bytes,
                                    .size = size};
    if (!folder)
        return reader;
    reader->folder = memory_allocate(memory, folder_length + 1, 1, error);
    if (!reader->folder) {
        release_reader(&reader->base);
        return NULL;
    }
    memcpy(reader->folder, folder, folder_length);
    return reader;
}

struct model_reader *model_reader_of_file(struct memory *memory, int file, uint64_t size, const char *path,
                                          struct error *error)
{
    return create(memory, file, NULL, size, path, (size_t)(file_base_name(path) - path), error);
}

struct model_reader *model_reader_of_memory(struct memory *memory, unsigned char *bytes, uint64_t size,
                                            const char *folder, struct error *error)
{
    return create(memory, -1, bytes, size, folder, folder ? strlen(folder) : 0, error);
}
