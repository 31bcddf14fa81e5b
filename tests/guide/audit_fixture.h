/* Models audited by single guides. */
#ifndef FOVEA_TESTS_AUDIT_FIXTURE_H
#define FOVEA_TESTS_AUDIT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guide/guide.h"
#include "onnx/onnx.h"
#include "op/registry.h"

struct audited {
    struct context *context;
    struct model *model;
    struct network network;
    struct arena *arena;
    struct audit audit;
};

/* Audits tests/fixtures/structures/NAME.onnx by one guide; `setting` and sizes may be NULL. */
static inline void audit_fixture(struct audited *audited, const char *name, const char *guide, const char *setting,
                                 const int64_t input_size[2])
{
    struct error error = ERROR_INITIALISER;
    static const char *settings[1];
    char path[256];
    snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", name);
    *audited = (struct audited){.context = context_create(&(struct context_options){.threads = 1}, &error)};
    assert_non_null(audited->context);
    audited->model = model_load(audited->context, path, &error);
    assert_string_equal(error.message, "");
    operators_resolve(audited->model->graph);
    assert_int_equal(network_create(&audited->network, audited->model, NULL, 0, &error), 0);
    audited->arena = arena_create(audited->context->memory, &error);
    settings[0] = setting;
    audited->audit = (struct audit){.model = audited->model,
                                    .network = &audited->network,
                                    .input_size = {input_size ? input_size[0] : 0, input_size ? input_size[1] : 0},
                                    .settings = settings,
                                    .setting_count = setting != NULL,
                                    .arena = audited->arena};
    if (audit_run(&audited->audit, &guide, 1, &error))
        fail_msg("%s: %s", name, error.message);
}

static inline void audit_end(struct audited *audited)
{
    arena_destroy(audited->arena);
    network_release(&audited->network);
    model_destroy(audited->model);
    assert_int_equal(context_destroy(audited->context), 0);
}

/* The finding with this code; fails where there is none. */
static inline const struct fovea_advice *finding_with(const struct audited *audited, const char *name, const char *code)
{
    for (size_t i = 0; i < audited->audit.count; i++) {
        if (strcmp(audited->audit.findings[i]->advice.code, code) == 0)
            return &audited->audit.findings[i]->advice;
    }
    fail_msg("%s: no %s, but %s", name, code,
             audited->audit.count ? audited->audit.findings[0]->advice.found : "nothing");
    return NULL;
}

static inline double number_of(const struct fovea_advice *advice, const char *name)
{
    for (int i = 0; i < advice->number_count; i++) {
        if (strcmp(advice->numbers[i].name, name) == 0)
            return advice->numbers[i].value;
    }
    fail_msg("no number '%s'", name);
    return 0;
}

#endif
