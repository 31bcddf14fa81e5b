#include "analysis/receptive_field.h"

int receptive_field_reads(const struct graph *graph, const struct value *value, const struct interval *cells,
                          const struct value *input, struct reads *reads, struct error *error)
{
    struct field_sweep sweep;
    int result =
        field_sweep_create(&sweep, graph, input, error) || field_sweep_reads(&sweep, value, cells, reads, error) ? -1
                                                                                                                 : 0;
    field_sweep_release(&sweep);
    return result;
}

/* Intervals of one unit: all channels, image 0, cell `unit` of each spatial axis; these start at `spatial`. */
static void unit_cells(const struct value *value, int spatial, const int64_t *unit,
                       struct interval cells[SHAPE_MAX_RANK])
{
    int axes = value->shape.rank - 2;
    for (int i = 0; i < value->shape.rank; i++) {
        int64_t size = value->shape.dims[i];
        cells[i] = i == 0 ? (struct interval){0, 0} : (struct interval){0, size > 0 ? size - 1 : 0};
        if (i >= spatial && i < spatial + axes)
            cells[i] = (struct interval){unit[i - spatial], unit[i - spatial]};
    }
}

/* Reads of the cells whose place along axis 1 is `place`. */
static int reads_along_first(struct field_sweep *sweep, const struct value *value, int64_t place, struct reads *reads,
                             struct error *error)
{
    struct interval cells[SHAPE_MAX_RANK];
    for (int i = 0; i < value->shape.rank; i++)
        cells[i] = (struct interval){0, value->shape.dims[i] > 0 ? value->shape.dims[i] - 1 : 0};
    cells[0] = (struct interval){0, 0};
    cells[1] = (struct interval){place, place};
    return field_sweep_reads(sweep, value, cells, reads, error);
}

int receptive_field_spatial_axis(struct field_sweep *sweep, const struct value *value, int *spatial,
                                 struct error *error)
{
    const struct value *input = sweep->input;
    const int64_t *dims = value->shape.dims;
    *spatial = 2;
    if (value->shape.rank != 4 || input->shape.rank != 4 || dims[1] < 2)
        return 0;
    const struct field_law *law = field_laws_of_box(&sweep->laws, value, NULL);
    if (law && law->local) {
        *spatial = law->spatial;
        return 0;
    }
    struct reads here, beside;
    int height = shape_channels_last(&input->shape) ? 1 : 2;
    if (reads_along_first(sweep, value, dims[1] / 2, &here, error) ||
        reads_along_first(sweep, value, dims[1] / 2 - 1, &beside, error))
        return -1;
    /* Channels may be cut from rows of the image, too (focus, patches): then the last axis moves along it as well. */
    if (here.local && beside.local && here.axes[height].low != beside.axes[height].low &&
        here.axes[height + 1].low == beside.axes[height + 1].low)
        *spatial = 1;
    return 0;
}

static double centre_of(const struct interval *interval)
{
    return ((double)interval->low + (double)interval->high) / 2;
}

int receptive_field_measure(struct field_sweep *sweep, const struct value *value, const struct three_units *units,
                            struct fovea_receptive_field *field, bool *varies, struct error *error)
{
    struct reads at_middle, at_first, at_beside;
    if (field_sweep_reads(sweep, value, units->middle, &at_middle, error) ||
        field_sweep_reads(sweep, value, units->first, &at_first, error) ||
        field_sweep_reads(sweep, value, units->beside, &at_beside, error))
        return -1;
    *field = (struct fovea_receptive_field){.axes = units->axes, .local = at_middle.local, .global = at_middle.global};
    int spatial = shape_channels_last(&sweep->input->shape) ? 1 : 2;
    for (int i = 0; i < units->axes && field->local; i++) {
        const struct interval *here = &at_middle.axes[spatial + i], *start = &at_first.axes[spatial + i],
                              *beside = &at_beside.axes[spatial + i];
        field->size[i] = here->high - here->low + 1;
        field->centre[i] = centre_of(start);
        field->stride[i] = centre_of(here) - centre_of(beside);
        bool other = start->high - start->low != here->high - here->low ||
                     centre_of(here) - centre_of(start) != field->stride[i] * (double)units->place[i];
        field->varies |= other;
        if (varies)
            varies[i] = other;
    }
    return 0;
}

static void field_of_law(const struct field_law *law, const struct value *value, int axes,
                         struct fovea_receptive_field *field)
{
    *field = (struct fovea_receptive_field){.axes = axes, .local = law->local, .global = law->global};
    for (int i = 0; i < axes && law->local; i++) {
        const struct interval first = {law->axes[i].low, law->axes[i].high};
        field->size[i] = first.high - first.low + 1;
        field->centre[i] = centre_of(&first);
        field->stride[i] = value->shape.dims[law->spatial + i] > 1 ? (double)law->axes[i].stride : 0;
    }
}

int receptive_field_of_value(struct field_sweep *sweep, const struct value *value, struct fovea_receptive_field *field,
                             struct error *error)
{
    *field = (struct fovea_receptive_field){0};
    int spatial, axes = value->shape.rank - 2;
    if (axes < 1 || axes > 2 || sweep->input->shape.rank != value->shape.rank)
        return 0;
    const struct field_law *law = field_laws_of_box(&sweep->laws, value, NULL);
    if (law) {
        field_of_law(law, value, axes, field);
        return 0;
    }
    const int64_t first[2] = {0, 0};
    int64_t beside[2];
    struct three_units units = {.axes = axes};
    if (receptive_field_spatial_axis(sweep, value, &spatial, error))
        return -1;
    for (int i = 0; i < axes; i++) {
        int64_t size = value->shape.dims[spatial + i];
        if (size < 1)
            return 0;
        units.place[i] = size / 2;
        beside[i] = size / 2 > 0 ? size / 2 - 1 : 0;
    }
    unit_cells(value, spatial, units.place, units.middle);
    unit_cells(value, spatial, first, units.first);
    unit_cells(value, spatial, beside, units.beside);
    return receptive_field_measure(sweep, value, &units, field, NULL, error);
}
