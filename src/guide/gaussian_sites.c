#include "guide/gaussian_sites.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"

/* Of our subgraph: nodes one behind the other; operands looked at. */
enum { MOST_DEPTH = 12, MOST_VISITS = 1000 };

static bool is_microsoft_attention(const struct node *node)
{
    return strcmp(node->domain, "com.microsoft") == 0 && node_has(node, OPERATOR_ATTENTION);
}

/* Whether a mask spreads over [.., queries, keys]: the specification lets it be shorter. */
static bool fits_mask(const struct value *mask, const struct attention_site *found)
{
    const struct shape *shape = &mask->shape;
    return shape->rank >= 1 && (shape->dims[shape->rank - 1] == found->keys || shape->dims[shape->rank - 1] == 1);
}

/* How a bias gets in, or site->obstacle. */
static int find_entry(struct audit *audit, const struct attention_site *found, struct gaussian_site *site,
                      struct error *error)
{
    const struct node *node = found->node, *origin = node->origin, *source = network_source_node(node);
    bool softmax = node_has(node, OPERATOR_SOFTMAX);
    const struct attention_settings *settings = softmax ? NULL : node->settings;
    site->dtype = node->inputs[0]->dtype;
    if (source && source->graph == audit->model->graph) {
        site->entry = softmax ? GAUSSIAN_LOGITS : GAUSSIAN_MASK;
        const struct value *mask = !softmax && node->input_count > 3 ? node->inputs[3] : NULL;
        if (settings && settings->softcap != 0)
            site->obstacle = "Attention caps its logits (softcap)";
        else if (mask && !fits_mask(mask, found))
            site->obstacle = "the mask of Attention is shorter than the keys";
        else if (softmax && graph_opset(source->graph, "") < 7)
            site->obstacle = "operators of this old operator set do not broadcast";
    } else if (origin && origin->graph == audit->model->graph && is_microsoft_attention(origin)) {
        site->entry = GAUSSIAN_MICROSOFT;
    } else {
        site->obstacle = finding_text(audit, error, "the attention is part of %s",
                                      origin && origin->op_type[0] ? origin->op_type : "a function");
        return site->obstacle ? 0 : -1;
    }
    return 0;
}

static int find_places(struct audit *audit, const struct patch_embedding *embedding, const struct attention_site *found,
                       struct gaussian_site *site, struct error *error)
{
    if (found->queries != found->keys) {
        site->obstacle =
            finding_text(audit, error, "%" PRId64 " queries attend to %" PRId64 " keys", found->queries, found->keys);
        return site->obstacle ? 0 : -1;
    }
    int known = token_places_find(embedding, found, &site->places, error);
    if (known == 0)
        site->obstacle = finding_text(audit, error, "where its %" PRId64 " tokens lie is not known", found->queries);
    return known < 0 || (known == 0 && !site->obstacle) ? -1 : 0;
}

/* Whether nodes of the file's own graph make the value, so that a constant may take its place. */
static bool is_computed(const struct audit *audit, const struct value *term)
{
    const struct value *of_file = term->origin;
    const struct node *maker = of_file ? of_file->producer : NULL;
    return maker && of_file->graph == audit->model->graph && !match_stored(of_file);
}

/* The constant of a name that our own rewrite gives, among what makes `value`; NULL: there is none. A scale or a width
 * that training has driven far shows no Gaussian in the table. */
static const struct value *find_ours(const struct value *value, const char *name, int depth, int *visits)
{
    if (!value || depth > MOST_DEPTH || ++*visits > MOST_VISITS)
        return NULL;
    if (strstr(value->name, name) && value->constant)
        return value;
    const struct node *maker = value->producer;
    const struct value *found = NULL;
    for (int i = 0; maker && i < maker->input_count && !found; i++)
        found = find_ours(maker->inputs[i], name, depth + 1, visits);
    return found;
}

static int read_ours(const struct value *value, double *number, struct error *error)
{
    const struct tensor *tensor = constant_data(value->constant, error);
    if (!tensor)
        return -1;
    *number = fabs(tensor_number(tensor, 0));
    return 0;
}

/* Of the parameters, or of a table that they made (which shows the scale, not the width). */
static int find_named(const struct value *term, const struct tensor *table, struct gaussian_site *site,
                      struct error *error)
{
    int visits[3] = {0, 0, 0};
    const struct value *amplitude = find_ours(term->origin, FOVEA_ADDED_NAME "gaussian_amplitude", 0, &visits[0]);
    const struct value *sigma = find_ours(term->origin, FOVEA_ADDED_NAME "gaussian_sigma", 0, &visits[1]);
    if (amplitude && sigma) {
        site->present = true;
        return read_ours(amplitude, &site->bias.amplitude, error) || read_ours(sigma, &site->bias.sigma, error) ? -1
                                                                                                                : 0;
    }
    if (!find_ours(term->origin, FOVEA_ADDED_NAME "gaussian_bias_table", 0, &visits[2]))
        return 0;
    site->present = true;
    for (int64_t i = 0; i < shape_count(&table->shape); i++)
        site->bias.amplitude = fmax(site->bias.amplitude, sqrt(fmax(tensor_number(table, i), 0)));
    return 0;
}

static int find_present(const struct audit *audit, const struct attention_site *found, struct gaussian_site *site,
                        struct error *error)
{
    struct value *terms[ATTENTION_TERMS];
    int count = site->places.places ? attention_terms(found, terms) : 0;
    for (int i = 0; i < count && !site->present; i++) {
        const struct tensor *tensor = constant_data(terms[i]->constant, error);
        if (!tensor)
            return -1;
        site->present = gaussian_fits(&site->places, tensor, &site->bias);
        if (!site->present) {
            site->bias = (struct gaussian_bias){0};
            if (find_named(terms[i], tensor, site, error))
                return -1;
        }
        site->term = terms[i];
        site->computed = site->present && is_computed(audit, terms[i]);
    }
    return 0;
}

int gaussian_sites_find(struct audit *audit, struct gaussian_sites *list, struct error *error)
{
    struct graph *graph = audit->network->graph;
    struct attention_list attentions;
    struct patch_embedding embedding = {.projection = NULL};
    if (audit->network->image)
        patch_embedding_find(graph, audit->network->image, &embedding);
    if (attention_find(graph, &attentions, error))
        return -1;
    struct gaussian_site *sites = arena_allocate(audit->arena, (size_t)attentions.count + 1, sizeof *sites, error);
    if (!sites)
        return -1;
    for (int i = 0; i < attentions.count; i++) {
        struct gaussian_site *site = &sites[i];
        site->node = attentions.sites[i].node;
        if (find_places(audit, &embedding, &attentions.sites[i], site, error) ||
            (!site->obstacle && find_entry(audit, &attentions.sites[i], site, error)) ||
            find_present(audit, &attentions.sites[i], site, error))
            return -1;
    }
    *list = (struct gaussian_sites){sites, attentions.count};
    return 0;
}
