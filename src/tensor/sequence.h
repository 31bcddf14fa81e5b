/* What a value of a container type (sequence, optional) holds at run time: a block of bytes, as a tensor of rank 1
 * whose type is the container's, so that it is copied, kept and given back as any other of data-dependent size. In it
 * stand a header, the items in the order in which they came, free room, and from the end backwards where each item
 * begins, in the order of the sequence. An optional holds one item, which may be a sequence, or none. */
#ifndef FOVEA_TENSOR_SEQUENCE_H
#define FOVEA_TENSOR_SEQUENCE_H

#include "tensor/tensor.h"

#define SEQUENCE_MOST_ITEMS ((int64_t)1 << 20)

/* An empty one of container type `dtype`, with room for `items` items that take `bytes` bytes together
 * (sequence_item_bytes). The caller releases it with tensor_release. */
int sequence_create(struct memory *memory, enum dtype dtype, int64_t items, size_t bytes, struct tensor *sequence,
                    struct error *error);
/* What an item takes in it. */
size_t sequence_item_bytes(const struct tensor *item);

int64_t sequence_length(const struct tensor *sequence);
/* A view of item `index`, 0 to length - 1, valid until the sequence changes. */
struct tensor sequence_item(const struct tensor *sequence, int64_t index);
/* Copies `item` to place `index`, 0 to length; what stands there and behind moves by one. Takes memory twice as large
 * where there is no room, so that appending costs the same however long the sequence is. */
int sequence_insert(struct memory *memory, struct tensor *sequence, int64_t index, const struct tensor *item,
                    struct error *error);
/* Item `index` is no longer there; its room comes back when the sequence grows. */
void sequence_erase(struct tensor *sequence, int64_t index);
/* A copy with room for `items` more of `bytes` bytes together. */
int sequence_copy(struct memory *memory, const struct tensor *from, int64_t items, size_t bytes, struct tensor *copy,
                  struct error *error);

/* Calls `each` for two tensors of one shape, or for the tensors that two values of container types hold, one by one, as
 * long as their shapes agree. Whether all do, and there are as many. */
typedef void tensor_pair(void *user, const struct tensor *a, const struct tensor *b);
bool tensor_pairs(const struct tensor *a, const struct tensor *b, tensor_pair *each, void *user);

#endif
