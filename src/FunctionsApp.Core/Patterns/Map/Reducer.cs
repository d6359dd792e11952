using System.Text.Json;
using FunctionsApp.Core.Arithmetic;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>A running reduction of results. It depends neither on their order nor on the chunks.</summary>
internal sealed class Reducer
{
    // Wide enough for any possible count of 64-bit integers.
    private Int128 _integers;
    private ExactSum? _fractions;
    private long _count;
    private Number? _min;
    private Number? _max;

    /// <summary>Returns a result of any JSON as a number: true counts as 1, false as 0.</summary>
    /// <exception cref="OperationException">It is something else.</exception>
    public static Number ToNumber(RawJson result) => result.ToElement() switch
    {
        { ValueKind: JsonValueKind.Number } => result.Deserialize(CoreJson.TypeInfo<Number>()),
        { ValueKind: JsonValueKind.True } => 1L,
        { ValueKind: JsonValueKind.False } => 0L,
        _ => throw new OperationException("The result is not a number, so it cannot be reduced."),
    };

    /// <summary>Adds a result.</summary>
    /// <exception cref="OperationException">The result is not finite.</exception>
    public void Add(Number value)
    {
        if (value.IsInteger)
        {
            _integers += value.AsInteger;
        }
        else
        {
            value = AddFraction(value.AsDouble);
        }

        _count++;
        _min = Least(_min, value);
        _max = Greatest(_max, value);
    }

    /// <summary>Adds another reduction, if there is one.</summary>
    public void Add(Reducer? other)
    {
        if (other is null)
        {
            return;
        }

        _count += other._count;
        _min = Least(_min, other._min);
        _max = Greatest(_max, other._max);
        _integers += other._integers;
        if (other._fractions is { } fractions)
        {
            (_fractions ??= new ExactSum()).Add(fractions);
        }
    }

    /// <summary>Returns the reduced value; <c>null</c> for the minimum or maximum of no results.</summary>
    /// <exception cref="OperationException">The sum is out of the range of a double.</exception>
    public RawJson Result(Reduction reduction)
    {
        Number? value = reduction switch
        {
            Reduction.Sum => Sum(),
            Reduction.Min => _min,
            Reduction.Max => _max,
            _ => (Number)_count,
        };
        return value is { } number ? RawJson.From(number, CoreJson.TypeInfo<Number>()) : RawJson.Null;
    }

    /// <summary>Returns the value as an integer if it is one, so that equal results are the same minimum or maximum.</summary>
    private Number AddFraction(double value)
    {
        if (!double.IsFinite(value))
        {
            throw new OperationException("The result is not a finite number.");
        }

        (_fractions ??= new ExactSum()).Add(value);
        var integer = (long)value; // saturates
        return integer == value && integer != long.MaxValue ? (Number)integer : value;
    }

    private Number Sum()
    {
        if (_fractions is null)
        {
            return _integers >= long.MinValue && _integers <= long.MaxValue ? (Number)(long)_integers : (double)_integers;
        }

        var all = new ExactSum();
        all.Add(_fractions);
        all.Add(_integers);
        var sum = all.ToDouble();
        return double.IsFinite(sum) ? sum : throw new OperationException("The sum is out of the range of a double.");
    }

    private static Number? Least(Number? left, Number? right) => left is null || right < left ? right ?? left : left;

    private static Number? Greatest(Number? left, Number? right) => left is null || right > left ? right ?? left : left;
}
