/* fovea inspect: the layer table. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void print_values(const char *what, const struct fovea_value *values, int count)
{
    char dims[CLI_TEXT], name[CLI_TEXT];
    for (int i = 0; i < count; i++)
        printf("%s %s: %s%s%s\n", what, safe_text(values[i].name, name), values[i].type,
               holds_items(values[i].type) ? "" : " ",
               holds_items(values[i].type) ? "" : dims_text(values[i].rank, values[i].dims, dims));
}

static void field_text(const struct fovea_receptive_field *field, char size[CLI_TEXT], char stride[CLI_TEXT],
                       char centre[CLI_TEXT])
{
    snprintf(size, CLI_TEXT, "-");
    snprintf(stride, CLI_TEXT, "-");
    snprintf(centre, CLI_TEXT, "-");
    if (field->axes == 0)
        return;
    if (!field->local) {
        snprintf(size, CLI_TEXT, "global");
        return;
    }
    bool square = field->size[0] == field->size[1] && field->stride[0] == field->stride[1] &&
                  field->centre[0] == field->centre[1];
    const char *mark = field->varies ? "~" : "", *global = field->global ? "+g" : "";
    if (square) {
        snprintf(size, CLI_TEXT, "%s%" PRId64 "%s", mark, field->size[0], global);
        snprintf(stride, CLI_TEXT, "%g", field->stride[0]);
        snprintf(centre, CLI_TEXT, "%g", field->centre[0]);
    } else {
        snprintf(size, CLI_TEXT, "%s%" PRId64 "x%" PRId64 "%s", mark, field->size[0], field->size[1], global);
        snprintf(stride, CLI_TEXT, "%gx%g", field->stride[0], field->stride[1]);
        snprintf(centre, CLI_TEXT, "%g,%g", field->centre[0], field->centre[1]);
    }
}

/* The name in the file; nodes without one are told by their result. Long names keep their end, which tells more. */
static const char *layer_name(const struct fovea_layer *layer, char out[CLI_TEXT])
{
    enum { WIDTH = 36 };
    char full[CLI_TEXT];
    safe_text(layer->name[0] ? layer->name : layer->output, full);
    size_t length = strlen(full);
    if (length > WIDTH)
        snprintf(out, CLI_TEXT, "..%s", full + length - WIDTH + 2);
    else
        snprintf(out, CLI_TEXT, "%s", full);
    return out;
}

/* The output's shape, or that it is not seen. */
static const char *sight_text(const struct fovea_layer *layer, char out[CLI_TEXT])
{
    if (layer->rank >= 0 || layer->sight == FOVEA_SIGHT_WHOLE || layer->sight == FOVEA_SIGHT_TOLD)
        return dims_text(layer->rank, layer->dims, out);
    return layer->sight == FOVEA_SIGHT_FOREIGN ? "not computed" : "not seen";
}

static void print_layers(const struct fovea_layers *layers)
{
    printf("\n%4s  %-36s %-20s %-18s %8s %8s  %9s %7s %9s\n", "#", "layer", "operator", "output", "params", "MACs",
           "RF", "stride", "centre");
    for (int i = 0; i < layers->count; i++) {
        const struct fovea_layer *layer = &layers->list[i];
        char name[CLI_TEXT], op_type[CLI_TEXT], dims[CLI_TEXT], parameters[CLI_TEXT] = "", macs[CLI_TEXT] = "";
        char size[CLI_TEXT], stride[CLI_TEXT], centre[CLI_TEXT];
        field_text(&layer->field, size, stride, centre);
        if (layer->parameters > 0)
            count_text((double)layer->parameters, parameters);
        if (layer->macs > 0)
            count_text((double)layer->macs, macs);
        printf("%4d  %-36s %-20s %-18s %8s %8s  %9s %7s %9s\n", i, layer_name(layer, name),
               safe_text(layer->op_type, op_type), sight_text(layer, dims), parameters, macs, size, stride, centre);
    }
}

/* Shapes that are only the file's word. */
static void print_told(const struct fovea_layers *layers)
{
    char name[CLI_TEXT], behind[CLI_TEXT];
    for (int i = 0; i < layers->told_count; i++)
        printf("shape of '%s' as the file says: %s is not computed\n", safe_text(layers->told[i].name, name),
               safe_text(layers->told[i].behind, behind));
}

static void print_inspection(const struct fovea_layers *layers)
{
    char producer[CLI_TEXT], parameters[CLI_TEXT], macs[CLI_TEXT], weights[CLI_TEXT], activations[CLI_TEXT];
    bool local = false, global = false, varies = false;
    printf("%s\n", shown(layers->path));
    printf("made by %s, IR version %" PRId64 ", opset %s\n",
           layers->producer[0] ? safe_text(layers->producer, producer) : "an unnamed tool", layers->ir_version,
           layers->opsets);
    print_values("input ", layers->inputs, layers->input_count);
    print_values("output", layers->outputs, layers->output_count);
    print_layers(layers);
    for (int i = 0; i < layers->count; i++) {
        local |= layers->list[i].field.local;
        global |= layers->list[i].field.global;
        varies |= layers->list[i].field.varies;
    }
    printf("\ntotal%s: %s parameters (%" PRId64 "), %s MACs, weights %s, activations %s\n",
           layers->unseen.behind ? " of what is seen" : "", count_text((double)layers->parameters, parameters),
           layers->parameters, count_text((double)layers->macs, macs), bytes_text(layers->weight_bytes, weights),
           bytes_text(layers->activation_bytes, activations));
    print_unseen(&layers->unseen, "their weights are counted, their MACs and activations are not");
    print_told(layers);
    if (local)
        printf("RF: theoretical receptive field in input pixels (y x x where they differ); centre: of unit 0, pixels\n"
               "counted from 0. A large field does not make a model accurate (Kim et al., PRL 2023).\n");
    if (global)
        printf("+g: reads the whole map as well, through statistics or gates; global: only so.\n");
    if (varies)
        printf("~: differs from unit to unit; the central one's is shown.\n");
}

static int inspect(struct opened *opened, const struct command *command, void *flags, struct model_result *result)
{
    (void)command;
    const char *json = *(const char **)flags;
    char parameters[CLI_TEXT], macs[CLI_TEXT];
    struct fovea_error error = {0};
    struct fovea_layers layers;
    bind_free_batch(opened);
    if (fovea_inspect(opened->model, &opened->shapes, &layers, &error))
        return fail(&error);
    int code = json ? hand_json(opened, result, json, fovea_layers_json(&layers, NULL)) : FOVEA_CLEAN;
    if (!json_alone(json))
        print_inspection(&layers);
    snprintf(result->told, sizeof result->told, "%s parameters, %s MACs%s",
             count_text((double)layers.parameters, parameters), count_text((double)layers.macs, macs),
             layers.unseen.behind ? " of what is seen" : "");
    fovea_layers_free(&layers);
    return code;
}

int verb_inspect(int argc, char **argv)
{
    const char *json = NULL;
    const struct option_row rows[] = {JSON_ROW(json), {0}};
    struct command command = {
        .verb = "inspect",
        .arguments = "MODEL... [options]",
        .summary = "Layers in order: output shape, parameters, multiply-accumulates, theoretical receptive "
                   "field.",
        .example = "fovea inspect resnet50.onnx --shape 1,3,224,224",
        .rows = rows,
        .positional_most = MOST_MODELS};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON)
        code = visit_models(&command, json, !json_alone(json), inspect, &json);
    command_free(&command);
    return code;
}
