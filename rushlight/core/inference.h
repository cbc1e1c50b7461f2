// Whether this thread's new tensors are inference tensors: they never take part in a gradient.
#pragma once

namespace rushlight {

void make_inference_tensors(bool enabled);

}  // namespace rushlight
