// How the rows of the *.def tables are read. A row is
//
//   OP(where, Result, name, doc, samples, parameters...)
//
// `where` says which forms exist: F function, M Tensor method, I in-place form `name_`: function and, with M,
// method, O the `out=` form. A parameter is (Type, name) or (Type, name, default); the parameters behind (KW)
// are keyword-only in Python. `samples` are calls for the tests, separated by ';' and written as Python
// arguments in which x(2, 3) makes an input (docs: tests/python/samples.py). More kinds of rows:
//
//   NN(Result, name, doc, samples, parameters...)   in nn.def: a function of namespace nn::functional, in
//   Python of
//                                                   torch.nn.functional, and nothing else
//   SPECIAL(...)                                    the same for namespace special (torch.special)
//   METHOD(...)                                     a method of Tensor that is not the function of its name
//   ALIAS(module, name, target)                     another name for all forms of `target`; module is torch,
//   or nn or special,
//                                                   which get the functions only
//
// The readers are:
//
//   core/tensor.h        the methods of Tensor
//   ops/ops.h            the C++ functions
//   kernels/             the formulas to compile (pointwise rows)
//   ops/*.cpp            pointwise operations with their gradients
//   python/src/          signatures, docstrings, samples
#pragma once

// RL_MAP(f, (a), (b), ...) expands to f a, f b, ... with commas between; up to 340 rows deep is far more than
// enough.
#define RL_EXPAND(...) RL_EXPAND3(RL_EXPAND3(RL_EXPAND3(__VA_ARGS__)))
#define RL_EXPAND3(...) RL_EXPAND2(RL_EXPAND2(RL_EXPAND2(__VA_ARGS__)))
#define RL_EXPAND2(...) RL_EXPAND1(RL_EXPAND1(RL_EXPAND1(__VA_ARGS__)))
#define RL_EXPAND1(...) __VA_ARGS__
#define RL_PARENS ()

#define RL_MAP(f, ...) __VA_OPT__(RL_EXPAND(RL_MAP_STEP(f, __VA_ARGS__)))
#define RL_MAP_STEP(f, a, ...) f a __VA_OPT__(RL_MAP_AGAIN RL_PARENS(f, __VA_ARGS__))
#define RL_MAP_AGAIN() RL_MAP_STEP

// The same for all parameters but the first, which a method takes as *this.
#define RL_MAP_REST(f, first, ...) RL_MAP(f, __VA_ARGS__)

// The (KW) marker has no name: RL_PICK chooses by the number of items in the parentheses.
#define RL_PICK(_1, _2, _3, chosen, ...) chosen

// Lists are written with a leading comma each, and RL_TAIL drops the first one.
#define RL_TAIL(...) RL_TAIL_(__VA_ARGS__)
#define RL_TAIL_(first, ...) __VA_ARGS__

#define RL_DECLARED(...) RL_PICK(__VA_ARGS__, RL_DECLARED3, RL_DECLARED2, RL_NOTHING)(__VA_ARGS__)
#define RL_DECLARED3(type, name, ...) , In<type> name = __VA_ARGS__
#define RL_DECLARED2(type, name) , In<type> name

#define RL_DEFINED(...) RL_PICK(__VA_ARGS__, RL_DEFINED2, RL_DEFINED2, RL_NOTHING)(__VA_ARGS__)
#define RL_DEFINED2(type, name, ...) , In<type> name

#define RL_NAMED(...) RL_PICK(__VA_ARGS__, RL_NAMED2, RL_NAMED2, RL_NOTHING)(__VA_ARGS__)
#define RL_NAMED2(type, name, ...) , name

#define RL_TYPED(...) RL_PICK(__VA_ARGS__, RL_TYPED2, RL_TYPED2, RL_NOTHING)(__VA_ARGS__)
#define RL_TYPED2(type, name, ...) , In<type>

#define RL_NOTHING(...)

// C++ parameter lists: with defaults, without, the bare names (for a call), the bare types (for a function
// pointer).
#define RL_PARAMS(...) RL_TAIL(~RL_MAP(RL_DECLARED, __VA_ARGS__))
#define RL_PARAMS_DEFINED(...) RL_TAIL(~RL_MAP(RL_DEFINED, __VA_ARGS__))
#define RL_NAMES(...) RL_TAIL(~RL_MAP(RL_NAMED, __VA_ARGS__))
#define RL_TYPES(...) RL_TAIL(~RL_MAP(RL_TYPED, __VA_ARGS__))
#define RL_METHOD_PARAMS(...) RL_TAIL(~RL_MAP_REST(RL_DECLARED, __VA_ARGS__))
#define RL_METHOD_PARAMS_DEFINED(...) RL_TAIL(~RL_MAP_REST(RL_DEFINED, __VA_ARGS__))
#define RL_REST_NAMES(...) RL_MAP_REST(RL_NAMED, __VA_ARGS__)
#define RL_REST_TYPES(...) RL_MAP_REST(RL_TYPED, __VA_ARGS__)
#define RL_REST_DECLARED(...) RL_MAP_REST(RL_DECLARED, __VA_ARGS__)
#define RL_REST_DEFINED(...) RL_MAP_REST(RL_DEFINED, __VA_ARGS__)

// Text that depends on `where`.
#define RL_IF_METHOD(where, ...) RL_IF_METHOD_##where(__VA_ARGS__)
#define RL_IF_METHOD_F(...)
#define RL_IF_METHOD_FO(...)
#define RL_IF_METHOD_FI(...)
#define RL_IF_METHOD_FM(...) __VA_ARGS__
#define RL_IF_METHOD_FMO(...) __VA_ARGS__
#define RL_IF_METHOD_FMI(...) __VA_ARGS__
#define RL_IF_METHOD_FMIO(...) __VA_ARGS__
#define RL_IF_METHOD_M(...) __VA_ARGS__
#define RL_IF_METHOD_MI(...) __VA_ARGS__

#define RL_IF_INPLACE(where, ...) RL_IF_INPLACE_##where(__VA_ARGS__)
#define RL_IF_INPLACE_F(...)
#define RL_IF_INPLACE_FO(...)
#define RL_IF_INPLACE_FI(...) __VA_ARGS__
#define RL_IF_INPLACE_FM(...)
#define RL_IF_INPLACE_FMO(...)
#define RL_IF_INPLACE_FMI(...) __VA_ARGS__
#define RL_IF_INPLACE_FMIO(...) __VA_ARGS__
#define RL_IF_INPLACE_M(...)
#define RL_IF_INPLACE_MI(...) __VA_ARGS__

#define RL_IF_INPLACE_METHOD(where, ...) RL_IF_METHOD(where, RL_IF_INPLACE(where, __VA_ARGS__))

// `where` as bits, for tables.
namespace rushlight {
enum Forms : unsigned { kFunction = 1, kMethod = 2, kInPlace = 4, kOut = 8 };
namespace forms {
inline constexpr unsigned F = kFunction, FO = kFunction | kOut, FI = kFunction | kInPlace,
                          FM = kFunction | kMethod, FMO = FM | kOut, FMI = FM | kInPlace,
                          FMIO = FM | kInPlace | kOut, M = kMethod, MI = kMethod | kInPlace;
}  // namespace forms
}  // namespace rushlight
