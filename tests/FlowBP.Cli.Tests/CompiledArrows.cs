// Which type uses which, as the compiled libraries have it: bases, interfaces, fields, signatures and bodies.

using Mono.Cecil;
using Mono.Cecil.Cil;

namespace FlowBP.Cli.Tests;

/// <summary>Reads arrows between the project's types from its libraries.</summary>
internal static class CompiledArrows
{
    /// <summary>The project's libraries beside the tests.</summary>
    public static IEnumerable<ModuleDefinition> Libraries() =>
        Directory
            .EnumerateFiles(TestContext.CurrentContext.TestDirectory, "FlowBP.*.dll")
            .Append(typeof(Cli).Assembly.Location)
            .Where(file => !file.EndsWith(".Tests.dll", StringComparison.Ordinal))
            .Distinct()
            .Select(file => ModuleDefinition.ReadModule(file));

    /// <summary>The arrows between the types of a library and those that they use.</summary>
    /// <param name="module">The library.</param>
    /// <param name="roomOf">The room of a type; null: it is not the project's.</param>
    public static IEnumerable<(string From, string To, string Type)> Of(
        ModuleDefinition module,
        Func<TypeReference, string?> roomOf
    ) =>
        from type in module.GetTypes()
        let room = roomOf(type)
        where room is not null
        from used in UsedBy(type).SelectMany(Parts)
        let other = roomOf(used)
        where other is not null
        select (room, other, $"{type.Name} uses {used.Name}");

    private static IEnumerable<TypeReference?> UsedBy(TypeDefinition type) =>
        [
            type.BaseType,
            .. type.Interfaces.Select(item => item.InterfaceType),
            .. type.Fields.Select(field => field.FieldType),
            .. type.Methods.SelectMany(method =>
                method
                    .Parameters.Select(parameter => parameter.ParameterType)
                    .Append(method.ReturnType)
                    .Concat(InBody(method))
            ),
        ];

    private static IEnumerable<TypeReference?> InBody(MethodDefinition method) =>
        !method.HasBody
            ? []
            : method
                .Body.Instructions.SelectMany<Instruction, TypeReference?>(instruction =>
                    instruction.Operand switch
                    {
                        TypeReference type => [type],
                        GenericInstanceMethod call => [call.DeclaringType, .. call.GenericArguments],
                        MemberReference member => [member.DeclaringType],
                        _ => [],
                    }
                )
                .Concat(method.Body.Variables.Select(variable => variable.VariableType));

    // A constructed type and what it is constructed of.
    private static IEnumerable<TypeReference> Parts(TypeReference? type) =>
        type switch
        {
            null => [],
            GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Append(generic.ElementType),
            TypeSpecification wrapped => Parts(wrapped.ElementType),
            _ => [type],
        };
}
