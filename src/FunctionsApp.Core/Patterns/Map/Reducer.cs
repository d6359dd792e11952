using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>A running reduction of results.</summary>
internal sealed class Reducer
{
    // Wide enough for any possible count of 64-bit integers, so that the sum does not depend on the chunks.
    private Int128 _integers;
    private double? _fractions;
    private long _count;
    private Number? _min;
    private Number? _max;

    /// <summary>Adds a result.</summary>
    public void Add(Number value)
    {
        _count++;
        _min = Least(_min, value);
        _max = Greatest(_max, value);
        if (value.IsInteger)
        {
            _integers += value.AsInteger;
        }
        else
        {
            _fractions = (_fractions ?? 0) + value.AsDouble;
        }
    }

    /// <summary>Adds another reduction.</summary>
    public void Add(Reducer other)
    {
        _count += other._count;
        _min = Least(_min, other._min);
        _max = Greatest(_max, other._max);
        _integers += other._integers;
        _fractions = other._fractions is null ? _fractions : (_fractions ?? 0) + other._fractions;
    }

    /// <summary>Returns the reduced value; <c>null</c> for the minimum or maximum of no results.</summary>
    /// <exception cref="OperationException">The value is out of the range of a double.</exception>
    public RawJson Result(Reduction reduction)
    {
        Number? value = reduction switch
        {
            Reduction.Sum => Sum(),
            Reduction.Min => _min,
            Reduction.Max => _max,
            _ => (Number)_count,
        };
        return value is not { } number ? RawJson.Null
            : double.IsFinite(number.AsDouble) ? RawJson.From(number, CoreJson.TypeInfo<Number>())
            : throw new OperationException("The result is out of range.");
    }

    private Number Sum() => _fractions is { } fractions ? (double)_integers + fractions
        : _integers >= long.MinValue && _integers <= long.MaxValue ? (Number)(long)_integers
        : (double)_integers;

    private static Number? Least(Number? left, Number? right) => left is null || right < left ? right ?? left : left;

    private static Number? Greatest(Number? left, Number? right) => left is null || right > left ? right ?? left : left;
}
