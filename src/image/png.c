#include <png.h>
#include <string.h>

#include "base/file.h"
#include "image/decode.h"

#define MAX_CHUNK_BYTES 8000000

/* What libpng's callbacks need. */
struct png_state {
    struct memory *memory;
    struct error *error;
    const uint8_t *bytes; /* reading */
    size_t left;
    uint8_t *colours;           /* of a mask, while they are read */
    struct file_writer *writer; /* writing */
};

static void png_failed(png_structp png, png_const_charp message)
{
    struct png_state *state = png_get_error_ptr(png);
    error_set(state->error, ERROR_INPUT, "the PNG image is damaged: %s", message);
    png_longjmp(png, 1);
}

static void png_warned(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void *png_allocate(png_structp png, png_alloc_size_t size)
{
    struct png_state *state = png_get_mem_ptr(png);
    return memory_allocate_uninitialised(state->memory, size, 1, state->error);
}

static void png_deallocate(png_structp png, void *block)
{
    struct png_state *state = png_get_mem_ptr(png);
    memory_release(state->memory, block);
}

static void png_take(png_structp png, png_bytep out, size_t length)
{
    struct png_state *state = png_get_io_ptr(png);
    if (length > state->left)
        png_error(png, "it ends early");
    memcpy(out, state->bytes, length);
    state->bytes += length;
    state->left -= length;
}

/* Asks libpng for 8-bit gray or RGB whatever the file holds. */
static int request_plain_pixels(png_structp png, png_infop info)
{
    int colour = png_get_color_type(png, info);
    png_set_scale_16(png);
    if (colour == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    else if (!(colour & PNG_COLOR_MASK_COLOR))
        png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_alpha(png);
    return colour & PNG_COLOR_MASK_COLOR ? 3 : 1;
}

/* What is made of an open file whose header has been read. libpng leaves by longjmp: everything that must survive lives
 * in `state` and `out`. */
typedef int png_reader(png_structp png, png_infop info, struct png_state *state, void *out);

static int read_guarded(png_structp png, png_infop info, struct png_state *state, png_reader *reader, void *out)
{
    if (setjmp(png_jmpbuf(png)))
        return -1;
    png_set_read_fn(png, state, png_take);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* the readers have limits of their own */
    png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(png, info);
    return reader(png, info, state, out);
}

/* The transformations must have been asked for. */
static void read_rows(png_structp png, png_infop info, uint8_t *rows, size_t row_bytes)
{
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != row_bytes)
        png_error(png, "its rows have an unexpected size");
    for (int pass = 0; pass < passes; pass++) {
        for (png_uint_32 y = 0; y < png_get_image_height(png, info); y++)
            png_read_row(png, rows + (size_t)y * row_bytes, NULL);
    }
    png_read_end(png, NULL);
}

static int read_pixels(png_structp png, png_infop info, struct png_state *state, void *out)
{
    struct image *image = out;
    int channels = request_plain_pixels(png, info);
    if (image_allocate(state->memory, image, png_get_image_width(png, info), png_get_image_height(png, info), channels,
                       state->error))
        return -1;
    read_rows(png, info, image->pixels, image_bytes(image) / (size_t)image->height);
    return 0;
}

static int read_size(png_structp png, png_infop info, struct png_state *state, void *out)
{
    struct image *image = out;
    png_uint_32 width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    *image =
        (struct image){(int)width, (int)height, png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR ? 3 : 1, NULL, 0};
    return image_check_size(width, height, state->error);
}

/* A mask that was saved in colours, all of them gray. */
static int read_gray_colours(png_structp png, png_infop info, struct png_state *state, struct index_image *indices)
{
    size_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    if (png_get_bit_depth(png, info) == 16)
        return error_set(state->error, ERROR_INPUT, "is a colour image of 16 bits: a mask is gray or has a palette");
    if (index_image_allocate(state->memory, indices, (int64_t)width, (int64_t)height, state->error))
        return -1;
    state->colours = memory_allocate_uninitialised(state->memory, width * height, 3, state->error);
    if (!state->colours)
        return -1;
    png_set_strip_alpha(png);
    read_rows(png, info, state->colours, 3 * width);
    return index_image_take_gray(indices, state->colours, state->error);
}

/* Gray values and palette entries as the file numbers them. Bytes are read into the rear half of the numbers, which
 * then grow into their places. */
static int read_indices(png_structp png, png_infop info, struct png_state *state, void *out)
{
    struct index_image *indices = out;
    int colour = png_get_color_type(png, info);
    if (colour & PNG_COLOR_MASK_COLOR && colour != PNG_COLOR_TYPE_PALETTE)
        return read_gray_colours(png, info, state, indices);
    if (index_image_allocate(state->memory, indices, png_get_image_width(png, info), png_get_image_height(png, info),
                             state->error))
        return -1;
    size_t width = (size_t)indices->width, count = width * (size_t)indices->height;
    bool wide = png_get_bit_depth(png, info) == 16;
    uint8_t *bytes = (uint8_t *)indices->values + (wide ? 0 : count);
    png_set_strip_alpha(png);
    png_set_packing(png);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (wide)
        png_set_swap(png);
#endif
    read_rows(png, info, bytes, wide ? 2 * width : width);
    for (size_t i = 0; !wide && i < count; i++)
        indices->values[i] = bytes[i];
    return 0;
}

static int read_with(struct memory *memory, const uint8_t *bytes, size_t length, png_reader *reader, void *out,
                     struct error *error)
{
    struct png_state state = {.memory = memory, .error = error, .bytes = bytes, .left = length};
    png_structp png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &state, png_failed, png_warned, &state,
                                               png_allocate, png_deallocate);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int result = info ? read_guarded(png, info, &state, reader, out)
                      : error_set(error, ERROR_MEMORY, "there is no memory to read a PNG image");
    png_destroy_read_struct(png ? &png : NULL, info ? &info : NULL, NULL);
    memory_release(memory, state.colours);
    return result;
}

int png_decode(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image, struct error *error)
{
    int result = read_with(memory, bytes, length, read_pixels, image, error);
    if (result)
        image_release(memory, image);
    return result;
}

int png_decode_header(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image,
                      struct error *error)
{
    return read_with(memory, bytes, length, read_size, image, error);
}

int png_decode_indices(struct memory *memory, const uint8_t *bytes, size_t length, struct index_image *indices,
                       struct error *error)
{
    int result = read_with(memory, bytes, length, read_indices, indices, error);
    if (result)
        index_image_release(memory, indices);
    return result;
}

static void png_give(png_structp png, png_bytep bytes, size_t length)
{
    struct png_state *state = png_get_io_ptr(png);
    file_writer_write(state->writer, bytes, length);
}

static void png_flush_nothing(png_structp png)
{
    (void)png;
}

static void png_write_failed(png_structp png, png_const_charp message)
{
    struct png_state *state = png_get_error_ptr(png);
    error_set(state->error, ERROR_LIMIT, "the PNG image cannot be made: %s", message);
    png_longjmp(png, 1);
}

static int write_pixels(png_structp png, png_infop info, struct png_state *state, const struct image *image, double dpi)
{
    const double inches_per_metre = 1 / 0.0254;
    if (setjmp(png_jmpbuf(png)))
        return -1;
    png_set_write_fn(png, state, png_give, png_flush_nothing);
    png_set_IHDR(png, info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_uint_32 dots = (png_uint_32)(dpi * inches_per_metre + 0.5);
    if (dots > 0)
        png_set_pHYs(png, info, dots, dots, PNG_RESOLUTION_METER);
    png_write_info(png, info);
    size_t row_bytes = image_bytes(image) / (size_t)image->height;
    for (int y = 0; y < image->height; y++)
        png_write_row(png, image->pixels + (size_t)y * row_bytes);
    png_write_end(png, NULL);
    return 0;
}

int image_write_png(struct memory *memory, const char *path, const struct image *image, struct error *error)
{
    return image_write_png_at(memory, path, image, 0, error);
}

int image_write_png_at(struct memory *memory, const char *path, const struct image *image, double dpi,
                       struct error *error)
{
    struct png_state state = {.memory = memory, .error = error};
    state.writer = file_writer_open(memory, path, error);
    if (!state.writer)
        return -1;
    png_structp png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &state, png_write_failed, png_warned, &state,
                                                png_allocate, png_deallocate);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int result = info ? write_pixels(png, info, &state, image, dpi)
                      : error_set(error, ERROR_MEMORY, "there is no memory to write a PNG image");
    png_destroy_write_struct(png ? &png : NULL, info ? &info : NULL);
    if (result == 0)
        return file_writer_commit(state.writer, error);
    file_writer_abandon(state.writer);
    return error_prefix(error, "%s", path);
}
