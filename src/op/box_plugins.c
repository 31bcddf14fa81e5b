/* Detections as TensorRT's plugins EfficientNMS_TRT, EfficientNMS_ONNX_TRT, BatchedNMS_TRT, BatchedNMSDynamic_TRT and
 * mmdeploy's TRTBatchedNMS select them (their READMEs and kernels: NVIDIA/TensorRT plugin/efficientNMSPlugin,
 * plugin/batchedNMSPlugin; open-mmlab/mmdeploy docs/en/06-custom-ops/tensorrt.md): always as many results as the file
 * says, filled up with zeros. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "op/box_selection.h"
#include "op/expansion_steps.h"
#include "op/families.h"

#define NAMED(name_, field_, form_) .name = name_, .form = form_, .offset = offsetof(struct selection_settings, field_)

static const struct attribute_rule efficient_attributes[] = {
    {NAMED("score_threshold", score, SETTING_FLOAT), .required = true},
    {NAMED("iou_threshold", overlap, SETTING_FLOAT), .required = true},
    {NAMED("max_output_boxes", most, SETTING_INT), .required = true},
    {NAMED("background_class", background, SETTING_INT), .number = -1},
    {NAMED("score_activation", sigmoid, SETTING_FLAG)},
    {NAMED("class_agnostic", agnostic, SETTING_FLAG)},
    {NAMED("box_coding", centres, SETTING_FLAG)},
    PLUGIN_ATTRIBUTES,
    {0},
};
static const struct attribute_rule onnx_attributes[] = {
    {NAMED("score_threshold", score, SETTING_FLOAT), .required = true},
    {NAMED("iou_threshold", overlap, SETTING_FLOAT), .required = true},
    {NAMED("max_output_boxes_per_class", most, SETTING_INT), .required = true},
    {NAMED("center_point_box", centres, SETTING_FLAG)},
    PLUGIN_ATTRIBUTES,
    {0},
};
static const struct attribute_rule batched_attributes[] = {
    {NAMED("scoreThreshold", score, SETTING_FLOAT), .required = true},
    {NAMED("iouThreshold", overlap, SETTING_FLOAT), .required = true},
    {NAMED("keepTopK", most, SETTING_INT), .required = true},
    {NAMED("topK", top, SETTING_INT), .required = true},
    {NAMED("numClasses", classes, SETTING_INT)},
    {NAMED("backgroundLabelId", background, SETTING_INT), .number = -1},
    {NAMED("shareLocation", shared, SETTING_FLAG), .given = offsetof(struct selection_settings, shared_given)},
    {NAMED("isNormalized", normalised, SETTING_FLAG), .number = 1},
    {NAMED("clipBoxes", clips, SETTING_FLAG), .number = 1},
    {NAMED("caffeSemantics", caffe, SETTING_FLAG), .number = 1},
    {IGNORED_ATTRIBUTE("scoreBits")},
    PLUGIN_ATTRIBUTES,
    {0},
};
static const struct attribute_rule mmdeploy_attributes[] = {
    {NAMED("score_threshold", score, SETTING_FLOAT), .required = true},
    {NAMED("iou_threshold", overlap, SETTING_FLOAT), .required = true},
    {NAMED("keep_topk", most, SETTING_INT), .required = true},
    {NAMED("topk", top, SETTING_INT)},
    {NAMED("num_classes", classes, SETTING_INT)},
    {NAMED("background_label_id", background, SETTING_INT), .number = -1},
    {NAMED("is_normalized", normalised, SETTING_FLAG), .number = 1},
    {NAMED("clip_boxes", clips, SETTING_FLAG), .number = 1},
    {NAMED("return_index", gives_places, SETTING_FLAG)},
    PLUGIN_ATTRIBUTES,
    {0},
};

/* ---- what each of them asks ---- */

#define EFFICIENT_CANDIDATES 4096

typedef void set_rules(struct selection *selection);

static void efficient_rules(struct selection *selection)
{
    struct selection_rules *rules = &selection->rules;
    float score = rules->settings->score;
    rules->inclusive = true;
    rules->candidates = EFFICIENT_CANDIDATES;
    if (rules->settings->sigmoid)
        rules->score = score <= 0 ? -32768 : logf(score / (1 - score));
}

static void onnx_rules(struct selection *selection)
{
    efficient_rules(selection);
    selection->rules.background = -1;
}

static void batched_rules(struct selection *selection)
{
    struct selection_rules *rules = &selection->rules;
    rules->class_by_class = true;
    rules->pixel_of_area = rules->settings->normalised ? 0 : 1;
    rules->pixel_of_common = rules->settings->normalised || !rules->settings->caffe ? 0 : 1;
}

static void mmdeploy_rules(struct selection *selection)
{
    selection->rules.class_by_class = true;
}

bool selection_applies_sigmoid(const struct node *node)
{
    const struct selection_settings *settings = node ? node->settings : NULL;
    return settings && node->definition && node->definition->attributes == efficient_attributes && settings->sigmoid;
}

/* The one of the node's kind. */
static set_rules *rules_of(const struct node *node)
{
    const struct attribute_rule *attributes = node->definition->attributes;
    return attributes == onnx_attributes       ? onnx_rules
           : attributes == batched_attributes  ? batched_rules
           : attributes == mmdeploy_attributes ? mmdeploy_rules
                                               : efficient_rules;
}

static int read_operands(const struct node *node, const struct tensor *const *inputs, int count,
                         struct selection *selection, struct error *error)
{
    const struct tensor *anchors = count > 2 ? inputs[2] : NULL;
    if (selection_read(node->settings, &inputs[0]->shape, &inputs[1]->shape, anchors ? &anchors->shape : NULL,
                       selection, error))
        return -1;
    rules_of(node)(selection);
    selection->corners = inputs[0]->data;
    selection->scores = inputs[1]->data;
    selection->anchors = anchors ? anchors->data : NULL;
    return 0;
}

static size_t scratch_selection(const struct compute_context *context)
{
    struct selection selection;
    return read_operands(context->node, context->inputs, context->input_count, &selection, NULL)
               ? 0
               : selection_bytes(&selection);
}

static int64_t steps_of(const struct infer_context *context)
{
    struct selection selection;
    return read_operands(context->node, context->inputs, context->input_count, &selection, NULL)
               ? 0
               : selection_steps(&selection);
}

/* Shapes of the results fit the limits of tensors; a shape alone may hold as much work as it likes. */
static int infer_selection(struct infer_context *context, struct selection *selection, struct error *error)
{
    return operand_types(context, 1, error) ||
                   read_operands(context->node, context->inputs, context->input_count, selection, error)
               ? -1
               : 0;
}

/* ---- a number of detections, boxes, scores, classes ---- */

static int infer_lists(struct infer_context *context, struct error *error)
{
    struct selection selection;
    if (infer_selection(context, &selection, error))
        return -1;
    enum dtype type = context->inputs[0]->dtype;
    bool batched = context->node->definition->attributes == batched_attributes;
    const int64_t images = selection.images, most = selection.rules.settings->most;
    const int64_t number[2] = {images, 1}, boxes[3] = {images, most, 4}, scores[2] = {images, most};
    return infer_output(context, 0, DTYPE_INT32, 2, number, error) || infer_output(context, 1, type, 3, boxes, error) ||
                   infer_output(context, 2, type, 2, scores, error) ||
                   infer_output(context, 3, batched ? type : DTYPE_INT32, 2, scores, error)
               ? -1
               : 0;
}

static void write_box(const struct selection *selection, int64_t image, int64_t at, float *box)
{
    const struct selection_settings *settings = selection->rules.settings;
    selection_corners(selection, image, &selection->places[at], box);
    for (int i = 0; settings->clips && i < 4; i++)
        box[i] = fminf(fmaxf(box[i], 0), 1);
}

static void clear_output(const struct compute_context *context, int output)
{
    if (output < context->output_count && context->outputs[output])
        memset(context->outputs[output]->data, 0, tensor_bytes(context->outputs[output]));
}

static float given_score(const struct selection *selection, int64_t at)
{
    float score = selection->places[at].score;
    return selection->rules.settings->sigmoid ? 1 / (1 + expf(-score)) : score;
}

/* Classes are numbers of either type; -1 in the empty places of BatchedNMS. */
static void write_classes(struct compute_context *context, const struct selection *selection, int64_t first,
                          int64_t count)
{
    const struct tensor *classes = context->output_count > 3 ? context->outputs[3] : NULL;
    for (int64_t i = 0; classes && i < selection->rules.settings->most; i++) {
        if (dtype_storage(classes->dtype) == DTYPE_FLOAT)
            ((float *)classes->data)[first + i] = i < count ? (float)selection->places[i].class : -1;
        else
            ((int32_t *)classes->data)[first + i] = i < count ? (int32_t)selection->places[i].class : 0;
    }
}

static int compute_lists(struct compute_context *context, struct error *error)
{
    struct selection selection;
    if (read_operands(context->node, context->inputs, context->input_count, &selection, error))
        return -1;
    selection_place_scratch(&selection, context->scratch);
    int32_t *number = operand_result(context, 0);
    float *boxes = operand_result(context, 1), *scores = operand_result(context, 2);
    clear_output(context, 1);
    clear_output(context, 2);
    for (int64_t image = 0; image < selection.images; image++) {
        int64_t count = selection_run(&selection, image), first = image * selection.rules.settings->most;
        if (number)
            number[image] = (int32_t)count;
        for (int64_t i = 0; i < count; i++) {
            if (boxes)
                write_box(&selection, image, i, boxes + (first + i) * 4);
            if (scores)
                scores[first + i] = given_score(&selection, i);
        }
        write_classes(context, &selection, first, count);
    }
    return 0;
}

/* ---- EfficientNMS_ONNX_TRT: (image, class, box) of all images in a row, the last one again to the end ---- */

static int infer_places(struct infer_context *context, struct error *error)
{
    struct selection selection;
    if (infer_selection(context, &selection, error))
        return -1;
    const int64_t dims[2] = {macs_product(selection.images, selection.rules.settings->most), 3};
    return infer_output(context, 0, DTYPE_INT32, 2, dims, error);
}

static int compute_places(struct compute_context *context, struct error *error)
{
    struct selection selection;
    if (read_operands(context->node, context->inputs, context->input_count, &selection, error))
        return -1;
    selection_place_scratch(&selection, context->scratch);
    int32_t(*out)[3] = context->outputs[0]->data;
    int64_t rows = context->outputs[0]->shape.dims[0], found = 0;
    for (int64_t image = 0; image < selection.images; image++) {
        int64_t count = selection_run(&selection, image);
        for (int64_t i = 0; i < count; i++, found++) {
            const struct selection_place *place = &selection.places[i];
            memcpy(out[found], (int32_t[]){(int32_t)image, (int32_t)place->class, (int32_t)place->box}, sizeof out[0]);
        }
    }
    for (int64_t i = found; i < rows; i++)
        memcpy(out[i], found > 0 ? out[found - 1] : (int32_t[]){-1, -1, -1}, sizeof out[0]);
    return 0;
}

/* ---- TRTBatchedNMS: boxes with their scores, classes, places ---- */

static int infer_detections(struct infer_context *context, struct error *error)
{
    struct selection selection;
    if (infer_selection(context, &selection, error))
        return -1;
    const int64_t dims[3] = {selection.images, selection.rules.settings->most, 5};
    if (context->output_count > 2 && !selection.rules.settings->gives_places)
        return error_set(error, ERROR_INPUT, "it has three outputs, but return_index is 0");
    return infer_output(context, 0, context->inputs[0]->dtype, 3, dims, error) ||
                   infer_output(context, 1, DTYPE_INT32, 2, dims, error) ||
                   infer_output(context, 2, DTYPE_INT32, 2, dims, error)
               ? -1
               : 0;
}

static int compute_detections(struct compute_context *context, struct error *error)
{
    struct selection selection;
    if (read_operands(context->node, context->inputs, context->input_count, &selection, error))
        return -1;
    selection_place_scratch(&selection, context->scratch);
    float *rows = operand_result(context, 0);
    int32_t *classes = operand_result(context, 1), *places = operand_result(context, 2);
    int64_t most = selection.rules.settings->most;
    clear_output(context, 0);
    for (int64_t image = 0; image < selection.images; image++) {
        int64_t count = selection_run(&selection, image), first = image * most;
        for (int64_t i = 0; i < most; i++) {
            if (rows && i < count) {
                write_box(&selection, image, i, rows + (first + i) * 5);
                rows[(first + i) * 5 + 4] = selection.places[i].score;
            }
            if (classes)
                classes[first + i] = i < count ? (int32_t)selection.places[i].class : -1;
            if (places)
                places[first + i] = i < count ? (int32_t)selection.places[i].box : -1;
        }
    }
    return 0;
}

#define SELECTION(domain_, name_, attributes_, inputs_, least_, outputs_, infer_, compute_)                            \
    .domain = domain_, .name = name_, .since = 1, .any_domain = true, ARITY(2, inputs_, least_, outputs_),             \
    .types = TYPES_HELD_AS_FLOAT, .traits = OPERATOR_SELECTS | OPERATOR_FINDS, .roles = {ROLE_DATA},                   \
    SETTINGS(struct selection_settings, attributes_), .infer = infer_, .compute = compute_, .steps = steps_of,         \
    .scratch = scratch_selection

const struct operator_definition operators_box_plugins[] = {
    {SELECTION("TRT", "EfficientNMS_TRT", efficient_attributes, 3, 1, 4, infer_lists, compute_lists),
     .picks = {0, 1, 2}},
    {SELECTION("TRT", "EfficientNMS_ONNX_TRT", onnx_attributes, 2, 1, 1, infer_places, compute_places)},
    {SELECTION("TRT", "BatchedNMS_TRT", batched_attributes, 2, 1, 4, infer_lists, compute_lists), .picks = {0, 1, 2}},
    {SELECTION("TRT", "BatchedNMSDynamic_TRT", batched_attributes, 2, 1, 4, infer_lists, compute_lists),
     .picks = {0, 1, 2}},
    {SELECTION("mmdeploy", "TRTBatchedNMS", mmdeploy_attributes, 2, 1, 3, infer_detections, compute_detections),
     .picks = {2}},
    {0},
};
