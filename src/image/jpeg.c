#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>

#include "image/decode.h"

/* A legitimate progressive file has about ten scans; a hostile one repeats empty ones without end, and each takes time
 * by the size of the image. */
#define MAX_SCANS 200
#define USUAL_SCANS 20
#define MAX_PIXELS_OF_SCANS ((int64_t)1 << 29)
#define MAX_DECODER_BYTES (1L << 30)

/* The libjpeg managers come first, so that a callback's pointer is also the state's. */
struct jpeg_state {
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct decoder;
    jmp_buf jump;
    struct memory *memory;
    struct error *error;
    uint8_t *row; /* one row of CMYK */
    bool header_only;
};

static struct jpeg_state *state_of(j_common_ptr common)
{
    return (struct jpeg_state *)(void *)common->err;
}

static void jpeg_failed(j_common_ptr common)
{
    struct jpeg_state *state = state_of(common);
    char message[JMSG_LENGTH_MAX];
    common->err->format_message(common, message);
    if (common->err->msg_code == JERR_OUT_OF_MEMORY) {
        memory_note_failure(state->memory);
        error_set(state->error, ERROR_MEMORY, "there is no memory to read a JPEG image");
    }
    error_set(state->error, ERROR_INPUT, "the JPEG image is damaged: %s", message);
    longjmp(state->jump, 1);
}

/* Level -1 is a warning. Missing data must not pass for gray pixels; other oddities are common in good files. */
static void jpeg_message(j_common_ptr common, int level)
{
    int code = common->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE))
        jpeg_failed(common);
}

static void jpeg_print_nothing(j_common_ptr common)
{
    (void)common;
}

static void jpeg_count_scans(j_common_ptr common)
{
    struct jpeg_state *state = state_of(common);
    int64_t scans = state->decoder.input_scan_number;
    int64_t pixels = (int64_t)state->decoder.image_width * state->decoder.image_height;
    if (scans > MAX_SCANS || (scans > USUAL_SCANS && scans * pixels > MAX_PIXELS_OF_SCANS)) {
        int64_t limit = MAX_PIXELS_OF_SCANS / pixels;
        limit = limit < USUAL_SCANS ? USUAL_SCANS : limit;
        error_set(state->error, ERROR_LIMIT, "the JPEG image has too many scans (limit %d for %d x %d pixels)",
                  limit > MAX_SCANS ? MAX_SCANS : (int)limit, (int)state->decoder.image_width,
                  (int)state->decoder.image_height);
        longjmp(state->jump, 1);
    }
}

static void prepare(struct jpeg_state *state)
{
    state->decoder.err = jpeg_std_error(&state->errors);
    state->errors.error_exit = jpeg_failed;
    state->errors.emit_message = jpeg_message;
    state->errors.output_message = jpeg_print_nothing;
    state->progress.progress_monitor = jpeg_count_scans;
}

static uint8_t scaled(unsigned value, unsigned factor)
{
    return (uint8_t)((value * factor + 127) / 255);
}

/* Inverted CMYK: each sample says how much ink is missing. */
static void row_from_cmyk(const uint8_t *in, uint8_t *out, int width)
{
    for (int x = 0; x < width; x++, in += 4, out += 3) {
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)(in[3] - scaled(255u - in[c], in[3]));
    }
}

static int read_rows(struct memory *memory, struct jpeg_state *state, struct image *image)
{
    struct jpeg_decompress_struct *decoder = &state->decoder;
    bool cmyk = decoder->out_color_space == JCS_CMYK;
    size_t row_bytes = image_bytes(image) / (size_t)image->height;
    if (cmyk && !(state->row = memory_allocate(memory, (size_t)image->width, 4, state->error)))
        return -1;
    jpeg_start_decompress(decoder);
    if (decoder->output_components != (cmyk ? 4 : image->channels))
        return error_set(state->error, ERROR_UNSUPPORTED, "the JPEG image has an unusual number of channels");
    for (int y = 0; y < image->height; y++) {
        uint8_t *pixels = image->pixels + (size_t)y * row_bytes;
        JSAMPROW row = cmyk ? state->row : pixels;
        jpeg_read_scanlines(decoder, &row, 1);
        if (cmyk)
            row_from_cmyk(row, pixels, image->width);
    }
    jpeg_finish_decompress(decoder);
    return 0;
}

/* libjpeg leaves by longjmp: everything that must survive lives in the caller's `state` and `image`. */
static int read_pixels(struct memory *memory, struct jpeg_state *state, const uint8_t *bytes, size_t length,
                       struct image *image)
{
    struct jpeg_decompress_struct *decoder = &state->decoder;
    if (setjmp(state->jump))
        return -1;
    jpeg_create_decompress(decoder);
    decoder->progress = &state->progress;
    decoder->mem->max_memory_to_use = MAX_DECODER_BYTES;
    jpeg_mem_src(decoder, bytes, (unsigned long)length);
    jpeg_read_header(decoder, TRUE);
    bool cmyk = decoder->jpeg_color_space == JCS_CMYK || decoder->jpeg_color_space == JCS_YCCK;
    bool gray = decoder->jpeg_color_space == JCS_GRAYSCALE;
    if (state->header_only) {
        *image = (struct image){(int)decoder->image_width, (int)decoder->image_height, gray ? 1 : 3, NULL, 0};
        return image_check_size(decoder->image_width, decoder->image_height, state->error);
    }
    decoder->out_color_space = cmyk ? JCS_CMYK : gray ? JCS_GRAYSCALE : JCS_RGB;
    if (image_allocate(memory, image, decoder->image_width, decoder->image_height, gray ? 1 : 3, state->error))
        return -1;
    return read_rows(memory, state, image);
}

static int decode(struct memory *memory, const uint8_t *bytes, size_t length, bool header_only, struct image *image,
                  struct error *error)
{
    struct jpeg_state *state = memory_allocate(memory, 1, sizeof *state, error);
    if (!state)
        return -1;
    state->memory = memory;
    state->error = error;
    state->header_only = header_only;
    prepare(state);
    int result = read_pixels(memory, state, bytes, length, image);
    jpeg_destroy_decompress(&state->decoder);
    memory_release(memory, state->row);
    memory_release(memory, state);
    if (result)
        image_release(memory, image);
    return result;
}

int jpeg_decode(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image, struct error *error)
{
    return decode(memory, bytes, length, false, image, error);
}

int jpeg_decode_header(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image,
                       struct error *error)
{
    return decode(memory, bytes, length, true, image, error);
}
