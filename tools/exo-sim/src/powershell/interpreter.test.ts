// The PowerShell interpreter: its values, its flow, its errors with their places, and what it refuses.
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Cmdlet } from './cmdlet.ts'
import { CmdletError } from './errors.ts'
import { runScript } from './interpreter.ts'
import type { ScriptResult } from './interpreter.ts'
import { Item, textOf } from './values.ts'
import type { Value } from './values.ts'

const now = new Date('2026-11-24T10:00:00Z')

const things: Cmdlet[] = [
  {
    name: 'Get-Thing',
    parameters: [{ name: 'Identity', kind: 'string', position: 0 }],
    run: (call) => {
      const all = ['a', 'b'].map((name) => new Item('Thing', [['Name', name], ['Size', name === 'a' ? 1 : 2], ['Tags', ['x', name]]])) // prettier-ignore
      const wanted = call.text('Identity')
      if (wanted === undefined) return all
      const found = all.filter((one) => one.get('Name') === wanted)
      if (found.length === 0)
        throw new CmdletError(`The thing '${wanted}' couldn't be found.`, 'ManagementObjectNotFoundException')
      return found
    },
  },
  {
    name: 'Set-Thing',
    parameters: [
      { name: 'Identity', kind: 'string', position: 0, mandatory: true },
      { name: 'Size', kind: 'int' },
      { name: 'Enabled', kind: 'bool' },
      { name: 'Mode', kind: ['Audit', 'Enforce'] },
      { name: 'ModeText', kind: 'string' },
      { name: 'Names', kind: 'string[]' },
    ],
    shouldProcess: true,
    perObject: 'Identity',
    run: (call) => {
      if (!call.shouldProcess(call.text('Identity') ?? '', 'Setting thing')) return []
      return [call.given().sort().map((name) => `${name}=${textOf(call.value(name))}`).join(' ')] // prettier-ignore
    },
  },
  { name: 'Remove-Thing', parameters: [{ name: 'Identity', kind: 'string', position: 0 }], shouldProcess: true, run: (call) => (call.shouldProcess('x', 'Removing thing') ? ['removed'] : []) }, // prettier-ignore
]

function run(text: string, args: Record<string, Value> = {}): Promise<ScriptResult> {
  return runScript(text, { cmdlets: things, world: { files: new Map(), now: () => now }, arguments: args })
}

async function output(text: string, args: Record<string, Value> = {}): Promise<string> {
  const result = await run(text, args)
  assert.deepEqual(result.errors, [], text)
  return result.output.trimEnd()
}

/** Scripts and what they print, as PowerShell 7 prints it. */
const PRINTED: [string, string][] = [
  ["'it''s' + \" a `\"quote`\" and a `$sign\"", 'it\'s a "quote" and a $sign'],
  ['$x = @{ Prop = 5 }; "v: $($x.Prop) $x"', 'v: 5 System.Collections.Hashtable'],
  ['$n = "gw"; "${n}1 $n.com $n-x"', 'gw1 gw.com gw-x'],
  ['$d = "b"\n@"\na "$d"\n$(1 + 2)\n"@', 'a "b"\n3'],
  ["@'\n$raw \"x\"\n'@", '$raw "x"'],
  ['"two ""quotes"""', 'two "quotes"'],
  ['# comment\n<# block\n #> "after" # tail', 'after'],
  ['1 + 2 * 3; (1 + 2) * 3; 10 / 4; 7 % 3; -5 + 2', '7\n9\n2.5\n1\n-3'],
  ['"a" * 3; "1" + 2; 1 + "2"; 1kb', 'aaa\n12\n3\n1024'],
  ['@(1).Count; @().Count; @(1, 2, 3).Count; (1, 2)[-1]', '1\n0\n3\n2'],
  ['$a = @(); $a += "x"; $a += "y", "z"; $a.Count; $a -join ","', '3\nx,y,z'],
  ['(1..5 | Where-Object { $_ -gt 2 }) -join ";"', '3;4;5'],
  ['"ABC" -eq "abc"; "ABC" -ceq "abc"; "abc" -like "A*"; "abc" -match "^(a)b"; $Matches[1]', 'True\nFalse\nTrue\nTrue\na'],
  ['@("a","b") -contains "B"; @("a") -notcontains "b"; "a" -in @("a")', 'True\nTrue\nTrue'],
  ['-not $true; !$false; $true -and $false; $true -or $false; -not ("a" -eq "b")', 'False\nTrue\nFalse\nTrue\nTrue'],
  ['("a","b","a" -eq "a").Count', '2'],
  ['if ($null) { 1 } elseif (@()) { 2 } else { 3 }', '3'],
  ['if ("") { 1 }\nelse\n{ 2 }', '2'],
  ['foreach ($i in 1..5) { if ($i -eq 2) { continue }; if ($i -eq 4) { break }; $i }', '1\n3'],
  ['for ($i = 0; $i -lt 3; $i++) { "n$i" }', 'n0\nn1\nn2'],
  ['$i = 0; while ($i -lt 2) { $i++ }; do { $i-- } until ($i -le 0); $i', '0'],
  ['switch ("b") { "a" { 1 } b { 2 } default { 3 } }; switch (9) { 1 { 1 } default { 3 } }', '2\n3'],
  ['$h = [ordered]@{ b = 1; a = 2 }; $h.Keys -join ","; $h["B"]; $h.ContainsKey("c"); $h.Count', 'b,a\n1\nFalse\n2'],
  ['$h = @{}; $h.x = 1; $h["y"] = 2; ($h.GetEnumerator() | ForEach-Object { "$($_.Key)=$($_.Value)" }) -join " "', 'x=1 y=2'],
  ['"{0:yyyy-MM-dd} {1,4}|{2,-3}|{{}}" -f (Get-Date), 7, "x"', '2026-11-24    7|x  |{}'],
  ['(Get-Date).ToUniversalTime().AddDays(1).ToString("yyyy-MM-ddTHH:mm:ssZ")', '2026-11-25T10:00:00Z'],
  ['"  x ".Trim(); "a,b".Split(","); "abc".Substring(1); "aXc".Replace("X","b"); "abc".ToUpper(); "abc".Length', 'x\na\nb\nbc\nabc\nABC\n3'],
  ["'a1b22' -replace '\\d+', '#'; 'a.b' -split '\\.'", 'a#b#\na\nb'],
  ['[string]::IsNullOrWhiteSpace("  "); [int]"5" + 1; [bool]1; [math]::Max(2, 7); "x" -is [string]', 'True\n6\nTrue\n7\nTrue'],
  ['[pscustomobject]@{ A = 1; B = @(1, 2) } | Format-List', 'A : 1\nB : {1, 2}'],
  ['function Add { param([int]$A, [int]$B = 2) $A + $B }; Add 1; Add -B 5 -A 1', '3\n6'],
  ['function F([string]$Name, [switch]$Loud) { if ($Loud) { $Name.ToUpper() } else { $Name } }; F x; F x -Loud; F x -Loud:$false', 'x\nX\nx'],
  ['function F { return 1; 2 }; $r = F; $r', '1'],
  ['$p = @{ Identity = "a"; Size = 3 }; Set-Thing @p -Mode Audit', 'identity=a mode=Audit size=3'],
  ['Set-Thing -Identity "a" `\n  -Names x, "y z", $("w") `\n  -Enabled:$false', 'enabled=False identity=a names=x y z w'],
  ['Get-Thing |\n  Set-Thing -Size -1', 'identity=a size=-1\nidentity=b size=-1'],
  ['(Get-Thing).Name -join ","; (Get-Thing b).Size; @(Get-Thing | Select-Object -ExpandProperty Tags).Count', 'a,b\n2\n4'],
  ['Get-Thing | Where-Object Name -eq "b" | ForEach-Object Size', '2'],
  ['Get-Thing | Where-Object { $_.Name -like "*" -and $_.Size -eq 1 } | Select-Object -ExpandProperty Name', 'a'],
  ['$found = Get-Thing -Identity zz -ErrorAction SilentlyContinue; $null -eq $found; $Error[0].Exception.Message', "True\nThe thing 'zz' couldn't be found."],
  ['try { Get-Thing zz -ErrorAction Stop; "no" } catch { "caught: $($_.Exception.Message)" } finally { "done" }', "caught: The thing 'zz' couldn't be found.\ndone"],
  ['$ErrorActionPreference = "Stop"; try { Get-Thing zz; "no" } catch { "caught $_" }', "caught The thing 'zz' couldn't be found."],
  ['try { throw "mine" } catch { "got $_" }; try { try { throw "in" } catch { throw } } catch { "again $_" }', 'got mine\nagain in'],
  ['try { 1 / 0 } catch { $_.Exception.Message }', 'Attempted to divide by zero.'],
  ['try { Set-Thing -Identity a -Nonsense 1 } catch { $_.Exception.Message }', "A parameter cannot be found that matches parameter name 'Nonsense'."],
  ['Set-Thing a -Enabled $true -WhatIf; "on"', 'What if: Setting thing "a".\non'],
  ['Remove-Thing a -Confirm:$false', 'removed'],
  ['& { param($x) $x * 2 } 4', '8'],
  ['$b = { $_ + 1 }; (1, 2 | ForEach-Object $b) -join ","', '2,3'],
  ['$null = 5; [void](6); 7 | Out-Null; Write-Host "a" "b"; Write-Output 1 2', 'a b\n1\n2'],
  ['Get-Thing | Export-Clixml -Path ./s.xml; $r = Import-Clixml s.xml; $r.Count; $r[1].Tags -join "+"; Test-Path ./s.xml', '2\nx+b\nTrue'],
  ['"1 < 2 & `"x`"" , $null | Export-Clixml f; (Import-Clixml f)[0]', '1 < 2 & "x"'],
  ['@{ a = @{ b = 1 } } | ConvertTo-Json -Compress; ("{`"k`":[1,2]}" | ConvertFrom-Json).k.Count', '{"a":{"b":1}}\n2'],
  ['Set-StrictMode -Version Latest; $x = $null; $null -eq $x; @($x | Where-Object { $_ }).Count', 'True\n0'],
  ['Get-Thing 2>$null | Out-Null; Get-Thing nope 2>$null; Get-Thing nope *> $null; "end"', 'end'],
  ['(Get-Command Get-Thing).Name; [bool](Get-Command Nope -ErrorAction SilentlyContinue)', 'Get-Thing\nFalse'],
  ['if ($t = Get-Thing b) { "found $($t.Size)" }; if ($t = @()) { 1 } else { 2 }; ($u = 4) + 1; $p = $q = 7; "$p$q"', 'found 2\n2\n5\n77'],
  ['$e = [System.Text.Encoding]::UTF8; $b = $e.GetBytes("hü"); $b.Count; $e.GetString($b)', '3\nhü'],
  ['$v = if ($true) { "y" } else { "n" }; $v', 'y'],
  ['$c = "a"; $s = switch ($c) { "a" { "A" } }; $s', 'A'],
  ['$script:n = 1; function Inc { $script:n++; $n = 99 }; Inc; Inc; $n', '3'],
  ['@(Get-Thing | Sort-Object Size -Descending)[0].Name; (Get-Thing | Measure-Object).Count', 'b\n2'],
  ['Get-Thing | Select-Object Name, @{ N = "S"; E = { $_.Size * 10 } } | Format-Table', 'Name S\n---- -\na    10\nb    20'],
  ['Get-Thing a -ErrorVariable e | Out-Null; Get-Thing q -ErrorAction SilentlyContinue -ErrorVariable e; $e.Count', '1'],
  ['[version]"3.4.0" -ge [version]"3.10"; ([version]"3.4").Major', 'True\n3'],
] // prettier-ignore

for (const [script, expected] of PRINTED) {
  test(`prints: ${script.slice(0, 90)}`, async () => {
    assert.equal((await output(script)).replace(/^\n/, ''), expected)
  })
}

/** Scripts and the error they end with, its place too. */
const WRONG: [string, RegExp][] = [
  ['$x = "open', /^At line:1 char:6: The string is missing the terminator: "\.$/],
  ['if ($true) {\n  1\n', /^At line:1 char:12: Missing closing '}'/],
  ["Write-Host 'a'\nSet-Thing a -Bogus 1", /^At line:2 char:13: Set-Thing: A parameter cannot be found that matches parameter name 'Bogus'\.$/],
  ['No-Such 1', /^At line:1 char:1: No-Such: The term 'No-Such' is not recognized as the name of a cmdlet/],
  ['Set-Thing a -Mod Audit', /parameter name 'Mod' is ambiguous\. Possible matches include: -Mode -ModeText\./],
  ['Set-Thing a -Mode Sometimes', /Unable to match the identifier name Sometimes .* Audit, Enforce/],
  ['Set-Thing a -Enabled yes', /parameter 'Enabled'\. Cannot convert value "yes" to type "System\.Boolean"\. Boolean parameters accept only/],
  ['Set-Thing a -Size x', /parameter 'Size'\. Cannot convert value "x" to type/],
  ['Set-Thing a -Size', /Missing an argument for parameter 'Size'\. Specify a parameter of type 'System\.Int32' and try again\./],
  ['Set-Thing a -Size 1 -Size 2', /parameter 'Size' is specified more than once/],
  ['Set-Thing a b', /A positional parameter cannot be found that accepts argument 'b'\./],
  ['Set-Thing -Size 1', /one or more missing mandatory parameters: Identity\./],
  ['Remove-Thing a', /does not support user interaction/],
  ['Set-Thing a `  \n -Size 1', /^At line:1 char:13: A backtick continues the line only as its last character/],
  ['Invoke-Expression "1"', /dynamic code, which is refused/],
  ['& "Get-Thing"', /dynamic code, which is refused/],
  ['$c = "Get-Thing"; & $c', /Only a script block may be called/],
  ['. ./other.ps1', /Dot sourcing is refused/],
  ['[System.IO.File]::ReadAllText("/etc/passwd")', /not in the list of methods/],
  ['"x".GetHashCode()', /The method GetHashCode of this value is not in the list/],
  ['while ($true) { $i++ }', /has taken 200000 steps and is stopped/],
  ['function F { F }; F', /calls are nested too deeply/],
  ['"$name: x"', /Variable reference is not valid\. ':' was not followed/],
  ['Set-StrictMode -Version Latest\n"$never"', /^At line:2 char:2: The variable '\$never' cannot be retrieved because it has not been set\.$/],
  ['Set-StrictMode -Version 3\n(Get-Thing a).Nope', /^At line:2 char:15: The property 'Nope' cannot be found on this object/],
  ['Get-Thing > out.txt', /Redirection goes to \$null only/],
  ['Get-Thing && Get-Thing', /operators && and .* are not supported/],
  ['@{ a = 1; a = 2 }', /Duplicate keys 'a'/],
  ['class X { }', /The keyword class is not supported/],
  ['1 +', /An expression is missing at the end/],
  ['trap { }', /^At line:1 char:1: The keyword trap is not supported/],
  ['try { 1 } catch [System.Net.WebException] { 2 }', /catch \[System\.Net\.WebException\] is not supported/],
  ['Set-Thing $x.y/z', /put it in double quotes/],
  ['param([ValidateSet("a","b")][string]$M) $M', /does not belong to the set "a,b"/],
] // prettier-ignore

for (const [script, expected] of WRONG) {
  test(`refuses: ${script.slice(0, 90).replaceAll('\n', ' ')}`, async () => {
    const result = await run(script, script.startsWith('param(') ? { M: 'c' } : {})
    assert.equal(result.errors.length, 1, JSON.stringify(result))
    assert.match(result.errors[0] ?? '', expected)
  })
}

test('an error ends its statement; under Stop, throw or exit the script', async () => {
  const on = await run('Get-Thing zz; "next"; [int]"x"; "last"')
  assert.equal(on.output, 'next\nlast\n')
  assert.equal(on.errors.length, 2)
  assert.equal(on.exitCode, 0)
  const stop = await run('$ErrorActionPreference = "Stop"\nGet-Thing zz\n"next"')
  assert.deepEqual([stop.output, stop.exitCode, stop.errors], ['', 1, ["At line:2 char:1: Get-Thing: The thing 'zz' couldn't be found."]]) // prettier-ignore
  assert.deepEqual(await run('throw "out"; 1'), { output: '', warnings: [], errors: ['At line:1 char:1: out'], exitCode: 1 }) // prettier-ignore
  assert.deepEqual(await run('"a"; exit 3; "b"'), { output: 'a\n', warnings: [], errors: [], exitCode: 3 })
  assert.deepEqual(await run('function Quit { exit 4 }; try { Quit } catch { "no" }; 1'), { output: '', warnings: [], errors: [], exitCode: 4 }) // prettier-ignore
})

test('a script has parameters, switches and -WhatIf', async () => {
  const script = `#requires -Version 5
[CmdletBinding(SupportsShouldProcess = $true)]
param(
  [Parameter(Mandatory = $true)][string]$Name, # who
  [ValidateSet('Plan', 'Apply')] [string] $Step = 'Plan',
  [switch]$Rollback
)
if ($PSCmdlet.ShouldProcess($Name, 'Greet')) { "hello $Name $Step $Rollback" }
Set-Thing $Name -WhatIf:$WhatIfPreference`
  assert.equal(await output(script, { Name: 'ann' }), 'hello ann Plan False\nidentity=ann whatif=False')
  assert.equal(await output(script, { Name: 'ann', Step: 'apply', Rollback: true }), 'hello ann apply True\nidentity=ann whatif=False') // prettier-ignore
  const dry = 'What if: Performing the operation "Greet" on target "ann".\nWhat if: Setting thing "ann".'
  assert.equal(await output(script, { Name: 'ann', WhatIf: true }), dry)
  const without = await run(script)
  assert.match(without.errors.join(), /missing mandatory parameters: Name/)
  assert.equal(without.exitCode, 1)
})

test('warnings and errors have streams of their own', async () => {
  const result = await run('Write-Warning "careful"; Write-Error "bad"; Write-Warning "hush" -WarningAction SilentlyContinue') // prettier-ignore
  assert.deepEqual(result, { output: '', warnings: ['careful'], errors: ['At line:1 char:26: Write-Error: bad'], exitCode: 0 }) // prettier-ignore
})
