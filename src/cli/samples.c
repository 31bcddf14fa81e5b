/* The options about an analysis's images, and struct fovea_samples made of them. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* The images (NULL: none) in front of the other feeds. */
static struct fovea_feed *image_feeds(const char *images, const struct text_list *texts, int *count)
{
    struct fovea_feed *feeds = parse_feeds(texts);
    *count = texts->count + (images != NULL);
    if (images) {
        /* parse_feeds leaves room for one more. */
        memmove(feeds + 1, feeds, (size_t)texts->count * sizeof *feeds);
        feeds[0] = (struct fovea_feed){.path = images};
    }
    return feeds;
}

int parse_samples(const struct sample_flags *flags, const struct opened *opened, const char *images,
                  struct parsed_samples *parsed)
{
    *parsed = (struct parsed_samples){0};
    if (parse_preprocess(&flags->preprocess, &parsed->preprocess))
        return FOVEA_BAD_INPUT;
    parsed->feeds = image_feeds(flags->images ? flags->images : images, &flags->inputs, &parsed->feed_count);
    parsed->samples = flags->samples;
    parsed->samples.shapes = opened->shapes;
    parsed->samples.feeds = parsed->feeds;
    parsed->samples.feed_count = parsed->feed_count;
    parsed->samples.preprocess = &parsed->preprocess;
    parsed->samples.batch = flags->exact;
    return PARSE_GO_ON;
}

int parse_data(const struct command *command, struct data_flags *flags)
{
    struct fovea_data *data = &flags->data;
    data->validation_share = flags->no_validation ? -1 : data->validation_share;
    data->ignore = -1;
    if (flags->ignore && strcmp(flags->ignore, "none") == 0)
        data->ignore = FOVEA_IGNORE_NONE;
    else if (flags->ignore && (parse_int_list(flags->ignore, &data->ignore, 1) != 1 || data->ignore < 0))
        return fail_usage(command, "--ignore takes a label from 0 on, or none, not '%s'", flags->ignore);
    if (!flags->mask_values)
        return PARSE_GO_ON;
    data->mask_values = flags->values;
    data->mask_value_count = parse_int_list(flags->mask_values, flags->values, MOST_MASK_VALUES);
    return data->mask_value_count >= 2 && data->masks
               ? PARSE_GO_ON
               : fail_usage(command,
                            "--mask-values takes the values of two classes or more in the masks of --masks, "
                            "not '%s'",
                            flags->mask_values);
}

void free_samples(struct parsed_samples *parsed)
{
    free_feeds(parsed->feeds, parsed->feed_count);
    *parsed = (struct parsed_samples){0};
}
