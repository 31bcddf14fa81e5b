/* The images of a stock as the guides take them. */
#include "api/stock.h"

static int begin(void *user, const struct graph *graph, struct session *session, struct tensor *images,
                 struct error *error)
{
    return stock_begin(user, graph, session, images, error);
}

static int read(void *user, int64_t first, int64_t count, struct tensor *images, struct error *error)
{
    return stock_read(user, first, count, images, error);
}

static int64_t label(void *user, int64_t index)
{
    return stock_label(user, index);
}

struct image_set stock_image_set(struct stock *stock)
{
    return (struct image_set){.count = stock->count,
                              .input = stock->input->name,
                              .bindings = stock->bindings,
                              .binding_count = stock->binding_count,
                              .user = stock,
                              .begin = begin,
                              .read = read,
                              .label = label};
}
