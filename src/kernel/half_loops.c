/* Between floats and halves (IEEE 754 binary16): to the nearest, ties to the even one; subnormals, infinities and NaN
 * stay what they are, what is beyond 65520 becomes infinite. */
#include "kernel/level.h"
#include "tensor/dtype.h"

#ifdef __F16C__
#include <immintrin.h>
#endif

void LEVEL(widen)(const uint16_t *from, float *to, int64_t count);
void LEVEL(widen)(const uint16_t *from, float *to, int64_t count)
{
    int64_t i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= count; i += 16)
        _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i_u *)(from + i))));
#elif defined(__F16C__)
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i_u *)(from + i))));
#endif
    for (; i < count; i++)
        to[i] = half_to_float(from[i]);
}

void LEVEL(narrow)(const float *from, uint16_t *to, int64_t count);
void LEVEL(narrow)(const float *from, uint16_t *to, int64_t count)
{
    int64_t i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= count; i += 16)
        _mm256_storeu_si256((__m256i_u *)(to + i),
                            _mm512_cvtps_ph(_mm512_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#elif defined(__F16C__)
    for (; i + 8 <= count; i += 8)
        _mm_storeu_si128((__m128i_u *)(to + i), _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#endif
    for (; i < count; i++)
        to[i] = float_to_half(from[i]);
}
