// Normalisation of dense tensors by the mean and the deviation of their parts. T is float or double. Sums are
// kept in double across blocks and do not depend on the number of threads.
#pragma once

#include <cstdint>

namespace rushlight::cpu {

// (batch, channels, inner): the parts are the channels.
struct ChannelShape {
  int64_t batch, channels, inner;
};

// Mean and biased variance of each channel.
template <class T>
void channel_moments(const ChannelShape& shape, const T* x, T* mean, T* variance);
// y = x * scale[c] + shift[c].
template <class T>
void channel_affine(const ChannelShape& shape, const T* x, const T* scale, const T* shift, T* y);
// The sums of g and of g * (x - mean[c]) over each channel.
template <class T>
void channel_sums(const ChannelShape& shape, const T* g, const T* x, const T* mean, T* sum_g, T* sum_gx);
// out = g * a[c] + x * b[c] + c[c].
template <class T>
void channel_combine(const ChannelShape& shape, const T* g, const T* x, const T* a, const T* b, const T* c,
                     T* out);

// (rows, size): the parts are the rows; weight and bias (size) may be null. Writes one mean and one
// reciprocal deviation a row.
template <class T>
void layer_norm(int64_t rows, int64_t size, const T* x, const T* weight, const T* bias, double eps, T* y,
                T* mean, T* rstd);
// x / sqrt(mean(x^2) + eps) of each row, times weight (size), which may be null. Writes the reciprocal of the
// root of each row.
template <class T>
void rms_norm(int64_t rows, int64_t size, const T* x, const T* weight, double eps, T* y, T* rstd);
// The gradients of input, weight and bias; those that are null are not computed. Without `mean`: of rms_norm.
template <class T>
void layer_norm_backward(int64_t rows, int64_t size, const T* g, const T* x, const T* weight, const T* mean,
                         const T* rstd, T* dx, T* dw, T* db);

// (batch, groups, channels of a group, inner): the parts are the groups; weight and bias have one value a
// channel.
struct GroupShape {
  int64_t batch, groups, channels, inner;
};
template <class T>
void group_norm(const GroupShape& shape, const T* x, const T* weight, const T* bias, double eps, T* y,
                T* mean, T* rstd);
template <class T>
void group_norm_backward(const GroupShape& shape, const T* g, const T* x, const T* weight, const T* mean,
                         const T* rstd, T* dx, T* dw, T* db);

}  // namespace rushlight::cpu
