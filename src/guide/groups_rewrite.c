/* Another number of groups, written into whatever form the file has. What the network has learned does not survive it:
 * scales and shifts are fitted to what the blocks gave before, the rest is for training. */
#include <inttypes.h>
#include <string.h>

#include "graph/match.h"
#include "guide/groups.h"
#include "guide/groups_refit.h"
#include "op/settings.h"

/* ---- constants ---- */

/* Sets a source node's input to `count` numbers of this shape: numbers[i], or all `number` where that is NULL. */
static int set_numbers(struct edit *edit, struct node *node, int input, enum dtype dtype, const struct shape *shape,
                       const double *numbers, double number, struct error *error)
{
    struct tensor tensor = {.dtype = dtype, .shape = *shape};
    if (tensor_allocate(edit->model->context->memory, &tensor, error))
        return -1;
    for (int64_t i = 0; i < shape_count(shape); i++)
        tensor_set_number(&tensor, i, numbers ? numbers[i] : number);
    return edit_set_constant(edit, node, input, &tensor, error);
}

static int input_of(const struct node *node, const struct value *value)
{
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == value)
            return i;
    }
    return -1;
}

/* ---- one site ---- */

struct site_edit {
    struct edit *edit;
    const struct group_site *site;
    int64_t target;
    struct node *first, *core, *back; /* of the file */
    struct node *own_affine[2], *scale_node, *shift_node;
    const double *scale, *bias; /* per channel, to be had afterwards; NULL: those of now stay */
};

static bool find_source(struct node *node, struct node **source)
{
    *source = node ? network_source_node(node) : NULL;
    return !node || *source;
}

static bool find_sources(struct site_edit *work)
{
    const struct group_site *site = work->site;
    return find_source(site->first, &work->first) && find_source(site->core, &work->core) &&
           find_source(site->reshaped_back, &work->back) && find_source(site->own_affine[0], &work->own_affine[0]) &&
           find_source(site->own_affine[1], &work->own_affine[1]) && find_source(site->scale_node, &work->scale_node) &&
           find_source(site->shift_node, &work->shift_node);
}

/* The Reshape's list with the new number of groups. 0; 1: refused. */
static int regroup_list(const struct site_edit *work, int64_t *list, int *count, struct error *error)
{
    const struct group_site *site = work->site;
    const struct value *known = site->first->inputs[1];
    const struct tensor *tensor = known && known->constant ? constant_data(known->constant, error) : NULL;
    if (!match_stored(work->first->inputs[1])) {
        /* Sizes come from the map itself; 0 copies the batch. */
        const struct shape *grouped = &site->first->outputs[0]->shape;
        const struct reshape_settings *settings = work->first->settings;
        if (grouped->rank != 3 || settings->allowzero)
            return edit_refuse(work->edit, error, "the sizes of its groups are computed in the graph");
        *count = 3;
        list[0] = 0;
        list[1] = work->target;
        list[2] = -1;
        return 0;
    }
    int64_t features = site->channels / site->groups;
    *count = tensor ? (int)shape_count(&tensor->shape) : 0;
    if (*count < 3 || *count > SHAPE_MAX_RANK)
        return edit_refuse(work->edit, error, "the list of its Reshape is not known");
    for (int i = 0; i < *count; i++)
        list[i] = tensor_int(tensor, i);
    if ((list[1] != site->groups && list[1] != 0) || (list[2] != -1 && (list[2] <= 0 || list[2] % features != 0)))
        return edit_refuse(work->edit, error, "its Reshape leaves the number of groups to be worked out");
    list[1] = work->target;
    list[2] = list[2] < 0 ? -1 : list[2] / features * (site->channels / work->target);
    return 0;
}

static int regroup_reshape(const struct site_edit *work, const int64_t *list, int count, struct error *error)
{
    struct tensor tensor = {.dtype = DTYPE_INT64, .shape = {.rank = 1, .dims = {count}}};
    if (tensor_allocate(work->edit->model->context->memory, &tensor, error))
        return -1;
    memcpy(tensor.data, list, (size_t)count * sizeof *list);
    return edit_set_constant(work->edit, work->first, 1, &tensor, error) || edit_touch(work->edit, work->first, error)
               ? -1
               : 0;
}

/* A constant beside [N, G, m, ...] with axes that follow G or m: as beside the new groups. */
static struct shape regroup_shape(const struct site_edit *work, const struct shape *shape)
{
    const struct group_site *site = work->site;
    const struct shape *grouped = &site->first->outputs[0]->shape;
    struct shape made = *shape;
    for (int axis = 1; axis <= 2; axis++) {
        int at = shape->rank - (grouped->rank - axis);
        if (at < 0 || shape->dims[at] != grouped->dims[axis] || shape->dims[at] == 1)
            continue;
        made.dims[at] = axis == 1 ? work->target
                                  : shape->dims[at] / (site->channels / site->groups) * (site->channels / work->target);
    }
    return made;
}

/* Ones or zeros of the new groups' size. */
static int regroup_plain(const struct site_edit *work, struct node *node, int input, const struct value *known,
                         double number, struct error *error)
{
    struct shape shape = regroup_shape(work, &known->shape);
    if (shape_equal(&shape, &known->shape))
        return 0;
    return set_numbers(work->edit, node, input, known->dtype, &shape, NULL, number, error) ||
                   edit_touch(work->edit, node, error)
               ? -1
               : 0;
}

/* ---- scale and shift ---- */

/* Numbers per channel into the Mul or Add behind, which keeps its constant's shape. */
static int set_behind(const struct site_edit *work, struct node *source, const struct node *known,
                      const struct value *constant, const double *numbers, struct error *error)
{
    struct shape shape = constant->shape;
    if (shape_count(&shape) != work->site->channels) {
        shape = (struct shape){.rank = work->site->x->shape.rank - 1, .dims = {work->site->channels}};
        for (int i = 1; i < shape.rank; i++)
            shape.dims[i] = 1;
    }
    return set_numbers(work->edit, source, input_of(known, constant), constant->dtype, &shape, numbers, 0, error) ||
                   edit_touch(work->edit, source, error)
               ? -1
               : 0;
}

/* A new Mul or Add by numbers per channel between `value` and all that read it. */
static struct value *insert_behind(const struct site_edit *work, struct value *value, const char *op_type,
                                   const char *what, const double *numbers, struct error *error)
{
    struct memory *memory = work->edit->model->context->memory;
    struct node *reader = value->uses[0].node;
    struct tensor tensor = {.dtype = work->site->x->dtype,
                            .shape = {.rank = work->site->x->shape.rank - 1, .dims = {work->site->channels}}};
    for (int i = 1; i < tensor.shape.rank; i++)
        tensor.shape.dims[i] = 1;
    if (tensor_allocate(memory, &tensor, error))
        return NULL;
    for (int64_t c = 0; c < work->site->channels; c++)
        tensor_set_number(&tensor, c, numbers[c]);
    struct value *constant = edit_constant(work->edit, value->graph, value->name, what, &tensor, error);
    struct value *made =
        constant ? edit_add(work->edit, reader, what, op_type, EMIT_INPUTS(value, constant), EMIT_NO_ATTRIBUTES, error)
                 : NULL;
    /* Its own reading of `value` is turned round with the others', and back. */
    return made && value_replace(value, made, error) == 0 && node_set_input(made->producer, 0, value, error) == 0
               ? made
               : NULL;
}

static bool all_are(const double *numbers, int64_t count, double number)
{
    for (int64_t i = 0; i < count; i++) {
        if (numbers[i] != number)
            return false;
    }
    return true;
}

/* The numbers go into the nodes behind, which are made where they are missing and needed. */
static int put_behind(const struct site_edit *work, const double *scale, const double *bias, struct error *error)
{
    const struct group_site *site = work->site;
    struct value *value = (work->back ? work->back : work->core)->outputs[0];
    if (work->scale_node) {
        value = work->scale_node->outputs[0];
        if (set_behind(work, work->scale_node, site->scale_node, site->scale, scale, error))
            return -1;
    } else if (!all_are(scale, site->channels, 1)) {
        value = insert_behind(work, value, "Mul", "group_scale", scale, error);
        if (!value)
            return -1;
    }
    if (work->shift_node)
        return set_behind(work, work->shift_node, site->shift_node, site->bias, bias, error);
    return all_are(bias, site->channels, 0) || insert_behind(work, value, "Add", "group_bias", bias, error) ? 0 : -1;
}

static bool has_plain_own(const struct group_site *site)
{
    double number;
    for (int i = 0; i < 2; i++) {
        const struct value *own = i ? site->own_bias : site->own_scale;
        const struct tensor *tensor = own ? constant_data(own->constant, NULL) : NULL;
        for (int64_t k = 0; tensor && k < shape_count(&tensor->shape); k++) {
            number = tensor_number(tensor, k);
            if (number != (i ? 0 : 1))
                return false;
        }
        if (own && !tensor)
            return false;
    }
    return true;
}

/* GroupNormalization since opset 21 holds numbers per channel itself. */
static bool holds_channels(const struct group_site *site)
{
    return site->form == GROUP_OPERATOR && site->core->opset >= 21;
}

static int set_own(const struct site_edit *work, const double *scale, const double *bias, struct error *error)
{
    const struct group_site *site = work->site;
    const struct shape shape = {.rank = 1, .dims = {holds_channels(site) ? site->channels : work->target}};
    return set_numbers(work->edit, work->core, 1, site->own_scale->dtype, &shape, scale, 1, error) ||
                   set_numbers(work->edit, work->core, 2, site->own_bias->dtype, &shape, bias, 0, error) ||
                   edit_touch(work->edit, work->core, error)
               ? -1
               : 0;
}

/* `scale` and `bias` are what all of it comes to. */
static int regroup_affine(const struct site_edit *work, const double *scale, const double *bias, struct error *error)
{
    const struct group_site *site = work->site;
    bool keep = !work->scale && (has_plain_own(site) || holds_channels(site));
    if (holds_channels(site) && (keep || (!site->scale_node && !site->shift_node)))
        return keep ? 0 : set_own(work, scale, bias, error);
    if (site->own_scale && set_own(work, NULL, NULL, error))
        return -1;
    return keep ? 0 : put_behind(work, scale, bias, error);
}

/* ---- forms ---- */

static int regroup_core(const struct site_edit *work, struct error *error)
{
    const struct group_site *site = work->site;
    if (site->form == GROUP_OPERATOR)
        return node_set_int(work->core, "num_groups", work->target, error) || edit_touch(work->edit, work->core, error)
                   ? -1
                   : 0;
    for (int i = 1; site->form == GROUP_LAYER && i < site->core->input_count; i++) {
        if (site->core->inputs[i] && regroup_plain(work, work->core, i, site->core->inputs[i], i == 1, error))
            return -1;
    }
    for (int i = 0; i < 2; i++) {
        const struct node *node = site->own_affine[i];
        int input = node ? (node->inputs[0]->constant ? 0 : 1) : 0;
        if (node && regroup_plain(work, work->own_affine[i], input, node->inputs[input], i == 0, error))
            return -1;
    }
    return 0;
}

/* Whether others than the normalisation get the map by groups, whose shape is to change. */
static bool shares_groups(const struct site_edit *work)
{
    const struct value *grouped = work->first->outputs[0];
    bool single = work->site->form == GROUP_INSTANCE || work->site->form == GROUP_LAYER;
    return work->site->form != GROUP_OPERATOR && (grouped->is_output || (single && grouped->use_count != 1));
}

/* What stands in the way of a change, before anything is changed. */
static int check_site(struct site_edit *work, struct error *error)
{
    const struct group_site *site = work->site;
    if (!find_sources(work))
        return edit_refuse(work->edit, error, "'%s' is part of a function or of a fused operator",
                           node_own_name(site->core));
    const struct value *result = (work->back ? work->back : work->core)->outputs[0];
    if (result->is_output || result->use_count == 0)
        return edit_refuse(work->edit, error, "'%s' makes an output of the model", node_own_name(work->core));
    if (shares_groups(work))
        return edit_refuse(work->edit, error, "what '%s' makes is not read by the normalisation alone",
                           node_own_name(work->first));
    bool sized = site->form == GROUP_LAYER && shape_count(&site->core->inputs[1]->shape) > 1;
    if (sized && !match_stored(work->core->inputs[1]))
        return edit_refuse(work->edit, error, "the scale of '%s' is computed in the graph", node_own_name(work->core));
    return 0;
}

static int rewrite_site(struct site_edit *work, double *scale, double *bias, struct error *error)
{
    int64_t list[SHAPE_MAX_RANK];
    int count = 0, result = check_site(work, error);
    if (result == 0 && work->site->form != GROUP_OPERATOR)
        result = regroup_list(work, list, &count, error);
    if (result)
        return result;
    if (work->scale) {
        memcpy(scale, work->scale, (size_t)work->site->channels * sizeof *scale);
        memcpy(bias, work->bias, (size_t)work->site->channels * sizeof *bias);
    } else if (group_site_affine(work->site, scale, bias, error)) {
        return -1;
    }
    return (count > 0 && regroup_reshape(work, list, count, error)) || regroup_core(work, error) ||
                   regroup_affine(work, scale, bias, error)
               ? -1
               : 0;
}

/* ---- all of them ---- */

/* Scales that differ, or shifts, are learned. */
static int is_trained(const struct edit *edit, const struct group_blocks *blocks, bool *trained, struct error *error)
{
    *trained = false;
    for (int i = 0; i < blocks->count && !*trained; i++) {
        const struct group_site *site = blocks->list[i].site;
        double *scale = arena_allocate(edit->audit->arena, 2 * (size_t)site->channels, sizeof *scale, error);
        if (!scale || group_site_affine(site, scale, scale + site->channels, error))
            return -1;
        *trained = !all_are(scale, site->channels, scale[0]) || !all_are(scale + site->channels, site->channels, 0);
    }
    return 0;
}

/* The blocks that are meant; NULL without memory. */
static struct group_refit *list_wanted(struct edit *edit, const struct group_blocks *blocks, int *count,
                                       struct error *error)
{
    struct group_refit *list = arena_allocate(edit->audit->arena, (size_t)blocks->count + 1, sizeof *list, error);
    *count = 0;
    for (int i = 0; list && i < blocks->count; i++) {
        if (edit_wants(edit, blocks->list[i].site->core))
            list[(*count)++] = (struct group_refit){.site = blocks->list[i].site, .target = blocks->list[i].target};
    }
    return list;
}

static int say_done(struct edit *edit, const struct group_refit *list, int wanted, int done, int64_t images,
                    bool trained, struct error *error)
{
    double explained = 0;
    int fitted = 0;
    for (int i = 0; i < wanted; i++) {
        explained += list[i].scale ? list[i].explained : 0;
        fitted += list[i].scale != NULL;
    }
    const char *affine = !trained ? "scales and shifts as they were, at their start"
                                  : "scales and shifts as they were: without images they cannot be fitted";
    if (fitted > 0)
        affine = arena_print(edit->audit->arena, error,
                             "scales and shifts fitted on %" PRId64 " images to what the blocks gave before (R2 %.2f "
                             "on average)",
                             images, explained / fitted);
    return affine ? edit_say(edit, error, "groups of %d of %d blocks changed; %s%s%s", done, wanted, affine,
                             edit->refusal ? "; left: " : "", edit->refusal ? edit->refusal : "")
                  : -1;
}

static int refuse_whole(struct edit *edit, const struct group_blocks *blocks, bool trained, struct error *error)
{
    if (blocks->images == 0 && !setting_is(edit->audit, "mode", "formula"))
        return edit_refuse(edit, error, "%s; `settings` groups.mode=formula takes the numbers of the derived law",
                           blocks->unmeasured ? blocks->unmeasured : "nothing is measured without `feeds`");
    if (trained && !edit->retrain)
        return edit_refuse(edit, error,
                           "scales and shifts are not those of an initialisation, and another number of groups "
                           "destroys what was learned; "
                           "`retrain` changes it all the same, to be trained again");
    return 0;
}

int groups_rewrite(struct edit *edit, const struct finding *finding, struct error *error)
{
    const struct group_blocks *blocks = finding->site;
    int wanted, done = 0;
    int64_t images = 0, most = 0;
    bool trained;
    struct group_refit *list = list_wanted(edit, blocks, &wanted, error);
    if (!list || is_trained(edit, blocks, &trained, error))
        return -1;
    int result = refuse_whole(edit, blocks, trained, error);
    if (result)
        return result;
    if (trained && edit->audit->images && groups_refit(edit->audit, list, wanted, &images, error))
        return -1;
    for (int i = 0; i < wanted; i++)
        most = list[i].site->channels > most ? list[i].site->channels : most;
    double *numbers = arena_allocate(edit->audit->arena, 2 * (size_t)most + 1, sizeof *numbers, error);
    if (!numbers)
        return -1;
    for (int i = 0; i < wanted; i++) {
        struct site_edit work = {
            .edit = edit, .site = list[i].site, .target = list[i].target, .scale = list[i].scale, .bias = list[i].bias};
        result = rewrite_site(&work, numbers, numbers + most, error);
        if (result < 0)
            return -1;
        done += result == 0;
    }
    return done > 0 ? say_done(edit, list, wanted, done, images, trained, error) : 1;
}
