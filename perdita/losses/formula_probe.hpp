// The number with which a formula is tried before kernels are compiled for it.
//
// A call of std::abs(y - t) in a lambda is a page of overloads for each kind of number. For the number declared here
// the functions of the standard library exist: they return a dual number of a higher level than a formula of it can
// have, so the type of the formula's value shows that one of them was called.
#pragma once

#include "perdita/math/dual.hpp"

namespace perdita {
namespace detail {

/// A pack that no kernel uses.
using Probe = Pack<float, 1>;
/// The type of what a function of the standard library returns for probes, and of everything computed from it.
using ProbeOfStd = Dual<Dual<Probe>>;

template <class... T>
concept SomeProbe = ((std::same_as<T, Probe> || std::same_as<T, Dual<Probe>> || std::same_as<T, ProbeOfStd>) || ...);

}  // namespace detail

/// A condition made with && or ||, which is reported where it is made.
template <class A, class B>
requires detail::SomeProbe<A, B> detail::ProbeOfStd select(bool condition, const A& a, const B& b);

}  // namespace perdita

// The standard reserves its namespace; these are not defined, and found for probes only. They are variadic, so that
// perdita's abs is the better match for abs(y - t) after `using namespace std`.
namespace std {
// clang-format off
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd abs(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd fabs(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd exp(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd exp2(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd expm1(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd log(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd log2(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd log10(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd log1p(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd sqrt(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd cbrt(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd hypot(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd pow(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd sin(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd cos(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd tan(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd asin(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd acos(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd atan(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd sinh(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd cosh(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd tanh(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd erf(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd erfc(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd lgamma(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd fmax(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd fmin(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd max(const T&...);
template <class... T> requires perdita::detail::SomeProbe<T...> perdita::detail::ProbeOfStd min(const T&...);
// clang-format on
}  // namespace std
