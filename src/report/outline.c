/* The network as blocks, as JSON. */
#include "report/json.h"

static json_t *describe_way(const struct fovea_way *way)
{
    json_t *lines = json_array(), *times = json_array();
    for (int i = 0; i < way->count; i++) {
        document_append(&lines, document_string(way->lines[i]));
        document_append(&times, json_integer(way->times[i]));
    }
    return document_object("lines", lines, "times", times, "left_out", json_integer(way->left_out), NULL);
}

static json_t *describe_block(const struct fovea_block *block)
{
    json_t *parts = json_array(), *layers = json_array();
    for (int i = 0; i < block->part_count; i++) {
        const struct fovea_block_part *part = &block->parts[i];
        json_t *ways = json_array();
        for (int k = 0; k < part->way_count; k++)
            document_append(&ways, describe_way(&part->ways[k]));
        document_append(
            &parts, document_object("kind", document_string(fovea_block_name((int)part->kind)), "ways", ways, NULL));
    }
    for (int i = 0; i < block->layer_count; i++)
        document_append(&layers, json_integer(block->layers[i]));
    return document_object("kind", document_string(fovea_block_name((int)block->kind)), "parts", parts, "repeats",
                           json_integer(block->repeats), "alike", json_integer(block->alike), "head",
                           json_boolean(block->head), "layers", layers, "parameters", json_integer(block->parameters),
                           "macs", json_integer(block->macs), "shape", report_shape(block->rank, block->dims), NULL);
}

json_t *report_outline(const struct fovea_outline *outline)
{
    json_t *blocks = json_array(), *links = json_array();
    for (int i = 0; i < outline->block_count; i++)
        document_append(&blocks, describe_block(&outline->blocks[i]));
    for (int i = 0; i < outline->link_count; i++)
        document_append(&links, report_ints((const int64_t[]){outline->links[i].from, outline->links[i].to}, 2));
    return document_object("blocks", blocks, "links", links, "joined", json_integer(outline->joined), NULL);
}
