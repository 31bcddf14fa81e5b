#include "image/jpeg_encode.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* libjpeg's error manager comes first, so that a callback's pointer is also the state's. */
struct encoder {
    struct jpeg_error_mgr errors;
    struct jpeg_compress_struct compress;
    jmp_buf jump;
    struct error *error;
    unsigned char *bytes;
    unsigned long length;
};

static void encode_failed(j_common_ptr common)
{
    struct encoder *encoder = (struct encoder *)(void *)common->err;
    char message[JMSG_LENGTH_MAX];
    common->err->format_message(common, message);
    error_set(encoder->error, common->err->msg_code == JERR_OUT_OF_MEMORY ? ERROR_MEMORY : ERROR_LIMIT,
              "the JPEG image cannot be written: %s", message);
    longjmp(encoder->jump, 1);
}

static void print_nothing(j_common_ptr common)
{
    (void)common;
}

static int encode(struct encoder *encoder, const struct image *image, int quality)
{
    struct jpeg_compress_struct *compress = &encoder->compress;
    if (setjmp(encoder->jump))
        return -1;
    jpeg_create_compress(compress);
    jpeg_mem_dest(compress, &encoder->bytes, &encoder->length);
    compress->image_width = (JDIMENSION)image->width;
    compress->image_height = (JDIMENSION)image->height;
    compress->input_components = image->channels;
    compress->in_color_space = image->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(compress);
    jpeg_set_quality(compress, quality, TRUE);
    jpeg_start_compress(compress, TRUE);
    while (compress->next_scanline < compress->image_height) {
        JSAMPROW row = image->pixels + (size_t)compress->next_scanline * (size_t)image->width * (size_t)image->channels;
        jpeg_write_scanlines(compress, &row, 1);
    }
    jpeg_finish_compress(compress);
    return 0;
}

int image_recode_jpeg(struct memory *memory, struct image *image, int quality, struct error *error)
{
    struct encoder encoder = {.error = error};
    struct image decoded = {0}, converted = {0};
    encoder.compress.err = jpeg_std_error(&encoder.errors);
    encoder.errors.error_exit = encode_failed;
    encoder.errors.output_message = print_nothing;
    int result = encode(&encoder, image, quality);
    jpeg_destroy_compress(&encoder.compress);
    if (result == 0)
        result = image_decode(memory, encoder.bytes, encoder.length, "the JPEG image", &decoded, error);
    free(encoder.bytes); /* libjpeg's own allocation */
    if (result == 0)
        result = image_convert(memory, &decoded, image->channels, &converted, error);
    if (result == 0)
        memcpy(image->pixels, converted.pixels, image_bytes(image));
    image_release(memory, &decoded);
    image_release(memory, &converted);
    return result;
}
