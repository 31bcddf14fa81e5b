#include "structure/exporter.h"

#include <string.h>

static const char torch_functions[] = "pkg.";

/* torch.export's files hold functions of Python packages, or are of an IR version that the older exporter gives to
 * opsets from 21 on only. */
static bool is_dynamo(const struct model *model)
{
    for (int i = 0; i < model->function_count; i++) {
        if (strncmp(model->functions[i].domain, torch_functions, sizeof torch_functions - 1) == 0)
            return true;
    }
    return model->ir_version >= 10 && graph_opset(model->graph, "") < 21;
}

#define PADDLE                                                                                                         \
    {                                                                                                                  \
        .name = "Paddle2ONNX",                                                                                         \
        .unfolded = "save the model by paddle.jit.save before any fusing pass has run and convert it with "            \
                    "paddle2onnx --optimize_tool None",                                                                \
        .dropout = "save the model by paddle.jit.save in training mode (model.train(), BatchNormalization layers in "  \
                   "eval()) and convert it with paddle2onnx --optimize_tool None",                                     \
        .inference = "save the model after model.eval() and convert that",                                             \
        .opset = "convert with paddle2onnx --opset_version "                                                           \
    }

/* The first row that fits is the exporter. */
static const struct row {
    const char *producer, *graph; /* the beginning of its name; a word of the graph's; NULL: any */
    bool (*fits)(const struct model *model);
    struct exporter exporter;
} rows[] = {
    {.producer = "pytorch",
     .fits = is_dynamo,
     .exporter = {.name = "torch.onnx.export(dynamo=True)",
                  .unfolded = "export with torch.onnx.export(dynamo=True, optimize=False)",
                  .dropout =
                      "export a model in training mode (model.train(), BatchNormalization modules in eval()) with "
                      "torch.onnx.export(dynamo=True, optimize=False)",
                  .inference = "export after model.eval()",
                  .opset = "export with opset_version="}},
    {.producer = "pytorch",
     .exporter = {.name = "torch.onnx.export",
                  .unfolded = "export with training=TrainingMode.PRESERVE, do_constant_folding=False",
                  .dropout =
                      "export a model in training mode (model.train(), BatchNormalization modules in eval()) with "
                      "training=TrainingMode.PRESERVE, do_constant_folding=False",
                  .inference = "export in evaluation mode",
                  .opset = "export with opset_version="}},
    {.producer = "tf2onnx",
     .exporter = {.name = "tf2onnx",
                  .unfolded = "convert with tf2onnx.convert.from_keras(model, optimizers=[]): its optimisers fold",
                  .dropout = "build the Keras model with Dropout layers called with training=True and "
                             "BatchNormalization with training=False, and convert it with "
                             "tf2onnx.convert.from_keras(model, optimizers=[])",
                  .inference = "build the Keras model with training=False and convert that",
                  .opset = "convert with tf2onnx --opset "}},
    {.producer = "PaddlePaddle", .exporter = PADDLE},
    {.graph = "PaddlePaddle", .exporter = PADDLE}, /* older versions give the graph a name only */
    {.exporter = {.name = "the exporter",
                  .unfolded = "export again with BatchNormalization as nodes of its own, without folding of constants "
                              "or other optimisation",
                  .dropout = "export a model whose Dropout layers are in training mode and whose BatchNormalization "
                             "layers are not, without folding of constants or other optimisation",
                  .inference = "export in evaluation mode",
                  .opset = "export with opset "}}};

const struct exporter *exporter_of(const struct model *model)
{
    const char *producer = model->producer_name ? model->producer_name : "";
    const char *graph = model->graph->name ? model->graph->name : "";
    const struct row *row = rows;
    while ((row->producer && strncmp(producer, row->producer, strlen(row->producer)) != 0) ||
           (row->graph && !strstr(graph, row->graph)) || (row->fits && !row->fits(model)))
        row++;
    return &row->exporter;
}
