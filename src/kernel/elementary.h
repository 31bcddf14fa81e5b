/* Elementary functions without branches, of whole vectors. The polynomials are fits to the functions' definitions that
 * make the largest error smallest; NaN stays NaN. */
#ifndef FOVEA_KERNEL_ELEMENTARY_H
#define FOVEA_KERNEL_ELEMENTARY_H

#include "kernel/numbers.h"

/* e^x to about 1e-7 relative: 2^n e^r with |r| <= ln(2) / 2. Infinity beyond float's range, 0 below 1.7e-38. */
static always_inline numbers exponential(numbers x)
{
    const float magic = 12582912.0f + 126.0f; /* 1.5 2^23: the low bits are the rounded number, biased as exponents */
    numbers clamped = at_least(at_most(x, 89.0f), -87.5f);
    union {
        numbers f;
        bits_type bits;
    } shifted = {clamped * 1.44269504f + magic}, scale;
    numbers turns = shifted.f - magic;
    numbers r = (clamped - turns * 0.693359375f) + turns * 2.12194440e-4f;
    numbers p = splat(2.76736680e-3f); /* of 2 e^r, as 2^(n - 1) is never out of range */
    p = p * r + 1.67496441e-2f;
    p = p * r + 8.33364522e-2f;
    p = p * r + 0.333328402f;
    p = p * r + 0.999999842f;
    p = p * r + 2.00000007f;
    p = p * r + 2.0f;
    scale.bits = shifted.bits << 23;
    return p * scale.f;
}

static always_inline numbers sigmoid(numbers x)
{
    return 1.0f / (1.0f + exponential(-x));
}

/* x sigmoid(alpha x) */
static always_inline numbers weighted_sigmoid(numbers x, float alpha)
{
    return x / (1.0f + exponential(-alpha * x));
}

static always_inline numbers limited(numbers x, float limit)
{
    return at_least(at_most(x, limit), -limit);
}

/* tanh(x) to about 3e-7 relative: x times a rational function of x^2. */
static always_inline numbers hyperbolic_tangent(numbers x)
{
    numbers at = limited(x, 9.02f), t = at * at;
    numbers p = splat(1.33176459e-8f);
    p = p * t + 2.05824631e-5f;
    p = p * t + 3.49397413e-3f;
    p = p * t + 0.133796679f;
    p = p * t + 0.999999979f;
    numbers q = splat(7.76143758e-7f);
    q = q * t + 3.28299279e-4f;
    q = q * t + 2.58708457e-2f;
    q = q * t + 0.467129832f;
    q = q * t + 1.0f;
    return limited(at * p / q, 1.0f);
}

/* erf(x) to about 3e-7: x times a rational function of x^2, not limited to 1 but for its error. */
static always_inline numbers error_integral_loose(numbers x)
{
    numbers at = limited(x, 3.92f), t = at * at;
    numbers p = splat(2.34840943e-4f);
    p = p * t + 3.73516486e-3f;
    p = p * t + 5.19737864e-2f;
    p = p * t + 0.193212984f;
    p = p * t + 1.12837895f;
    numbers q = splat(-1.10983005e-7f);
    q = q * t + 2.32958232e-5f;
    q = q * t + 1.09289863e-3f;
    q = q * t + 1.47331295e-2f;
    q = q * t + 0.114257071f;
    q = q * t + 0.504561394f;
    q = q * t + 1.0f;
    return at * p / q;
}

static always_inline numbers error_integral(numbers x)
{
    return limited(error_integral_loose(x), 1.0f);
}

/* x (1 + erf(x / sqrt(2))) / 2; what is below -1 would not vanish with a large factor. */
static always_inline numbers gelu(numbers x)
{
    numbers e = error_integral_loose(x * 0.707106781f);
    return 0.5f * x * (1.0f + at_least(e, -1.0f));
}

/* The derivative of x (1 + erf(x / sqrt(2))) / 2 to about 3e-7: less 1 / 2 it is odd, x times a rational function of
 * x^2. */
static always_inline numbers gelu_slope(numbers x)
{
    numbers at = limited(x, 5.7f), t = at * at;
    numbers p = splat(1.76556401e-10f);
    p = p * t + 1.47503569e-7f;
    p = p * t + 3.43745776e-5f;
    p = p * t + 3.03647234e-6f;
    p = p * t + 1.41957424e-2f;
    p = p * t - 3.22649085e-2f;
    p = p * t + 0.797885106f;
    numbers q = splat(8.06984763e-6f);
    q = q * t + 1.85055097e-4f;
    q = q * t + 3.42684378e-3f;
    q = q * t + 4.04115457e-2f;
    q = q * t + 0.292901003f;
    q = q * t + 1.0f;
    return 0.5f + at * p / q;
}

static always_inline numbers hard_sigmoid(numbers x, float alpha, float beta)
{
    return at_most(at_least(alpha * x + beta, 0.0f), 1.0f);
}

/* e^x - 1 for x <= 0, small ones included. */
static always_inline numbers exponential_less_one(numbers x)
{
    numbers t = hyperbolic_tangent(0.5f * x);
    return 2.0f * t / (1.0f - t);
}

/* log(1 + e^x) = max(x, 0) + log(1 + u) with u = e^-|x|: u times a rational function of u, to about 2e-7 relative. */
static always_inline numbers softplus(numbers x)
{
    numbers u = exponential(-magnitude(x));
    numbers p = splat(0.123764112f);
    p = p * u + 0.867192997f;
    p = p * u + 0.999999981f;
    numbers q = splat(3.10944886e-2f);
    q = q * u + 0.474058436f;
    q = q * u + 1.36719105f;
    q = q * u + 1.0f;
    return at_least(x, 0.0f) + u * p / q;
}

/* tanh(log(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2), which is 1 from 20 on. */
static always_inline numbers hyperbolic_tangent_of_softplus(numbers x)
{
    numbers e = exponential(at_most(x, 20.0f)), n = e * (e + 2.0f);
    return n / (n + 2.0f);
}

static always_inline numbers gelu_tanh_argument(numbers x)
{
    return 0.797884561f * (x + 0.044715f * x * x * x);
}

#endif
